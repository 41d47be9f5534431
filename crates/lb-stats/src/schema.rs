//! `show schema json`: the JSON schema of the answers to `show info json` and `show stat json`.
//!
//! The text is fixed by the wire: tools compare it. Known quirks kept from it: `Unknown` words that
//! never appear, a blank before the last nature, definitions whose members stand beside `type`
//! instead of under `properties`, an `unknownValue` nothing refers to.

use std::io::Write;

use crate::tags::{Nature, ObjectKind, Origin, Scope};

const DEFINITION: &str = "{\"$ref\":\"#/definitions/";

/// Writes the schema, with its line end.
pub fn write_schema(out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"$schema\":\"http://json-schema.org/draft-04/schema#\",\"oneOf\":[");
    write_array("Info", &[], "value", out);
    out.push(b',');
    let kinds: Vec<_> = [ObjectKind::Frontend, ObjectKind::Backend, ObjectKind::Listener, ObjectKind::Server]
        .iter()
        .map(|kind| kind.word())
        .collect();
    let id = "{\"type\":\"integer\",\"minimum\":0}".to_owned();
    let object_type = format!("{{\"enum\":[{}]}}", words(&kinds, ","));
    write_array("Stat", &[("objType", object_type), ("proxyId", id.clone()), ("id", id)], "typedValue", out);
    out.extend_from_slice(
        b",{\"title\":\"Error\",\"type\":\"object\",\"properties\":{\"errorStr\":{\"type\":\"string\"}},\
          \"required\":[\"errorStr\"]}],\"definitions\":{\
          \"field\":{\"type\":\"object\",\"pos\":{\"type\":\"integer\",\"minimum\":0},\
          \"name\":{\"type\":\"string\"},\"required\":[\"pos\",\"name\"]},\
          \"processNum\":{\"type\":\"integer\",\"minimum\":1},",
    );
    write_tags(out);
    write_typed_value(out);
    out.extend_from_slice(b"}}\n");
}

/// One of the two arrays. `value` names the last property; the list of required ones always says `value`.
fn write_array(title: &str, first: &[(&str, String)], value: &str, out: &mut Vec<u8>) {
    let mut properties: Vec<String> = first.iter().map(|(name, schema)| format!("\"{name}\":{schema}")).collect();
    for name in ["field", "processNum", "tags"] {
        properties.push(format!("\"{name}\":{DEFINITION}{name}\"}}"));
    }
    properties.push(format!("\"{value}\":{DEFINITION}typedValue\"}}"));
    let mut required: Vec<&str> = first.iter().map(|(name, _)| *name).collect();
    required.extend(["field", "processNum", "tags", "value"]);
    // Writing to a vector cannot fail.
    let _ = write!(
        out,
        "{{\"title\":\"{title}\",\"type\":\"array\",\"items\":{{\"title\":\"InfoItem\",\"type\":\"object\",\
         \"properties\":{{{}}},\"required\":[{}]}}}}",
        properties.join(","),
        required.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(","),
    );
}

fn write_tags(out: &mut Vec<u8>) {
    let origins: Vec<_> = Origin::ALL.iter().map(|origin| origin.word()).collect();
    let natures: Vec<_> = Nature::ALL.iter().map(|nature| nature.word()).collect();
    let scopes: Vec<_> = Scope::ALL.iter().map(|scope| scope.word()).collect();
    let _ = write!(
        out,
        "\"tags\":{{\"type\":\"object\",\"origin\":{{\"type\":\"string\",\"enum\":[{}]}},\
         \"nature\":{{\"type\":\"string\",\"enum\":[{}]}},\"scope\":{{\"type\":\"string\",\"enum\":[{}]}},\
         \"required\":[\"origin\",\"nature\",\"scope\"]}},",
        words(&origins, ","),
        words(&natures, ", "),
        words(&scopes, ","),
    );
}

fn write_typed_value(out: &mut Vec<u8>) {
    const MAX_SAFE: &str = "9007199254740991";
    let integers = [
        ("s32", "-2147483648".to_owned(), "2147483647"),
        ("s64", format!("-{MAX_SAFE}"), MAX_SAFE),
        ("u32", "0".to_owned(), "4294967295"),
        ("u64", "0".to_owned(), MAX_SAFE),
    ];
    let names = integers.iter().map(|(name, ..)| *name).chain(["str"]);
    let choices: Vec<_> = names.map(|name| format!("{DEFINITION}typedValue/definitions/{name}Value\"}}")).collect();
    let _ = write!(out, "\"typedValue\":{{\"type\":\"object\",\"oneOf\":[{}],\"definitions\":{{", choices.join(","));
    for (name, min, max) in integers {
        let value = format!("{{\"type\":\"integer\",\"minimum\":{min},\"maximum\":{max}}}");
        write_value(name, &format!("{{\"type\":\"string\",\"enum\":[\"{name}\"]}}"), &value, out);
        out.push(b',');
    }
    write_value("str", "{\"type\":\"string\",\"enum\":[\"str\"]}", "{\"type\":\"string\"}", out);
    out.push(b',');
    let unknown = "{\"type\":\"string\",\"enum\":[\"unknown\"]}";
    write_value("unknown", "{\"type\":\"integer\",\"minimum\":0}", unknown, out);
    out.extend_from_slice(b"}}");
}

fn write_value(name: &str, type_schema: &str, value_schema: &str, out: &mut Vec<u8>) {
    let _ = write!(
        out,
        "\"{name}Value\":{{\"properties\":{{\"type\":{type_schema},\"value\":{value_schema}}},\
         \"required\":[\"type\",\"value\"]}}"
    );
}

/// The words in quotes, `Unknown` at the end after `last_separator`.
fn words(list: &[&str], last_separator: &str) -> String {
    let quoted: Vec<_> = list.iter().map(|word| format!("\"{word}\"")).collect();
    format!("{}{last_separator}\"Unknown\"", quoted.join(","))
}
