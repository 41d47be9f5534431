//! Questions to name servers and what their answers say. Pure.

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use std::net::IpAddr;
use std::str::FromStr;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Question {
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
    /// Services.
    Srv,
}

/// One service of an SRV answer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Service {
    /// The host's name.
    pub target: String,
    /// Its port.
    pub port: u16,
    /// 0 to 65535.
    pub weight: u16,
}

/// A valid answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Addresses, at least one.
    Addresses(Vec<IpAddr>),
    /// Services, at least one.
    Services(Vec<Service>),
}

/// An answer that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The name does not exist.
    Nx,
    /// The server does not want to.
    Refused,
    /// Nobody answered in time.
    Timeout,
    /// It is no answer to the question.
    Invalid,
    /// It was cut.
    Truncated,
    /// Another error, or no record of the kind asked for.
    Other,
}

/// A question on the wire. `None`: the name cannot be one.
pub fn question(id: u16, name: &str, asked: Question, payload_size: u16) -> Option<Vec<u8>> {
    let mut name = Name::from_str(name).ok()?;
    name.set_fqdn(true);
    let mut message = Message::new();
    message.set_id(id).set_message_type(MessageType::Query).set_op_code(OpCode::Query).set_recursion_desired(true);
    message.add_query(Query::query(name, record_type(asked)));
    let mut edns = Edns::new();
    edns.set_max_payload(payload_size);
    message.set_edns(edns);
    message.to_vec().ok()
}

const fn record_type(asked: Question) -> RecordType {
    match asked {
        Question::A => RecordType::A,
        Question::Aaaa => RecordType::AAAA,
        Question::Srv => RecordType::SRV,
    }
}

/// Reads an answer to the question of that id.
///
/// # Errors
/// Why it is none.
pub fn answer(bytes: &[u8], id: u16, name: &str, asked: Question) -> Result<Answer, Failure> {
    let message = Message::from_vec(bytes).map_err(|_| Failure::Invalid)?;
    let name = Name::from_str(name).map_err(|_| Failure::Invalid)?;
    let same = |other: &Name| {
        other.to_lowercase().to_ascii().trim_end_matches('.') == name.to_lowercase().to_ascii().trim_end_matches('.')
    };
    let is_ours = message.id() == id
        && message.message_type() == MessageType::Response
        && message
            .queries()
            .first()
            .is_some_and(|query| same(query.name()) && query.query_type() == record_type(asked));
    if !is_ours {
        return Err(Failure::Invalid);
    }
    match message.response_code() {
        ResponseCode::NoError => {}
        ResponseCode::NXDomain => return Err(Failure::Nx),
        ResponseCode::Refused => return Err(Failure::Refused),
        _ => return Err(Failure::Other),
    }
    if message.truncated() {
        return Err(Failure::Truncated);
    }
    // Aliases lead from the name asked for to the one that has the records.
    let mut owner = name.to_lowercase();
    owner.set_fqdn(true);
    let records = message.answers();
    for _ in records {
        let alias = records.iter().find_map(|record| match record.data() {
            RData::CNAME(target) if record.name().to_lowercase() == owner => Some(target.0.to_lowercase()),
            _ => None,
        });
        match alias {
            Some(target) => owner = target,
            None => break,
        }
    }
    let own = records.iter().filter(|record| record.name().to_lowercase() == owner).map(Record::data);
    let answer = if asked == Question::Srv {
        Answer::Services(
            own.filter_map(|data| match data {
                RData::SRV(srv) => Some(Service {
                    target: srv.target().to_lowercase().to_ascii().trim_end_matches('.').to_owned(),
                    port: srv.port(),
                    weight: srv.weight(),
                }),
                _ => None,
            })
            .collect(),
        )
    } else {
        Answer::Addresses(
            own.filter_map(|data| match data {
                RData::A(address) => Some(IpAddr::V4(address.0)),
                RData::AAAA(address) => Some(IpAddr::V6(address.0)),
                _ => None,
            })
            .collect(),
        )
    };
    match &answer {
        Answer::Addresses(found) if found.is_empty() => Err(Failure::Other),
        Answer::Services(found) if found.is_empty() => Err(Failure::Other),
        _ => Ok(answer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use hickory_proto::rr::rdata::{A, CNAME, SRV};

    fn response(name: &str, asked: Question, records: Vec<(&str, RData)>, code: ResponseCode) -> Vec<u8> {
        let mut message = Message::new();
        message.set_id(7).set_message_type(MessageType::Response).set_response_code(code);
        message.add_query(Query::query(Name::from_str(name).unwrap(), record_type(asked)));
        for (owner, data) in records {
            message.add_answer(Record::from_rdata(Name::from_str(owner).unwrap(), 5, data));
        }
        message.to_vec().unwrap()
    }

    fn name(text: &str) -> Name {
        Name::from_str(text).unwrap()
    }

    #[test]
    fn a_question_can_be_read_back() {
        let bytes = question(7, "web.test", Question::Srv, 4096).unwrap();
        let message = Message::from_vec(&bytes).unwrap();
        assert_eq!((message.id(), message.recursion_desired(), message.max_payload()), (7, true, 4096));
        assert_eq!(message.queries()[0].name().to_ascii(), "web.test.");
        assert_eq!(question(7, &"x".repeat(300), Question::A, 512), None);
    }

    #[test]
    fn addresses_are_found_behind_aliases() {
        let records = vec![
            ("web.test.", RData::CNAME(CNAME(name("a.test.")))),
            ("a.test.", RData::A(A::new(192, 0, 2, 1))),
            ("other.test.", RData::A(A::new(192, 0, 2, 66))),
        ];
        let bytes = response("web.test.", Question::A, records, ResponseCode::NoError);
        let found = answer(&bytes, 7, "Web.Test", Question::A);
        assert_eq!(found, Ok(Answer::Addresses(vec!["192.0.2.1".parse().unwrap()])));
    }

    #[test]
    fn services_have_their_port_and_weight() {
        let records = vec![("_h._tcp.test.", RData::SRV(SRV::new(1, 10, 8080, name("A.test."))))];
        let bytes = response("_h._tcp.test.", Question::Srv, records, ResponseCode::NoError);
        let service = Service { target: "a.test".to_owned(), port: 8080, weight: 10 };
        assert_eq!(answer(&bytes, 7, "_h._tcp.test", Question::Srv), Ok(Answer::Services(vec![service])));
    }

    #[test]
    fn what_is_no_answer() {
        let empty = |code| response("web.test.", Question::A, Vec::new(), code);
        let read = |bytes: &[u8]| answer(bytes, 7, "web.test", Question::A);
        assert_eq!(read(&empty(ResponseCode::NXDomain)), Err(Failure::Nx));
        assert_eq!(read(&empty(ResponseCode::Refused)), Err(Failure::Refused));
        assert_eq!(read(&empty(ResponseCode::ServFail)), Err(Failure::Other));
        assert_eq!(read(&empty(ResponseCode::NoError)), Err(Failure::Other));
        assert_eq!(read(b"\0\x07garbage"), Err(Failure::Invalid));
        assert_eq!(answer(&empty(ResponseCode::NoError), 8, "web.test", Question::A), Err(Failure::Invalid));
        assert_eq!(answer(&empty(ResponseCode::NoError), 7, "mail.test", Question::A), Err(Failure::Invalid));
        // Aliases that lead in a circle end somewhere.
        let circle = vec![
            ("web.test.", RData::CNAME(CNAME(name("a.test.")))),
            ("a.test.", RData::CNAME(CNAME(name("web.test.")))),
        ];
        assert_eq!(read(&response("web.test.", Question::A, circle, ResponseCode::NoError)), Err(Failure::Other));
    }
}
