//! Which function runs which command. Levels were checked and the connection's own commands were answered before.

use super::dump::Dump;
use super::events::{self, Reading};
use super::patterns::{self, Kind};
use super::ssl::{self, Family};
use super::{
    anon, backend, clear, dynamic, dynamic_cookie, environment, errors, frontend, info, inside, libs, limits, nothing,
    process, resolvers, servers, sess, set_server, shutdown, stat, stats_file, switches, tables, trace, vars, wait,
};
use crate::control::{Control, Follower};
use lb_admin::{Anon, CommandId, Reply, Request};
use std::rc::Rc;

/// What a command answers.
pub(super) enum Outcome {
    /// A whole answer.
    Reply(Reply),
    /// An answer that is written piece by piece.
    Dump(Box<Dump>),
    /// Nothing is answered before this is over, or the client sends no more.
    Wait(wait::Wait),
    /// What a ring holds, and perhaps what comes.
    Events(Reading),
    /// The connection shows names this way from here on.
    Anon(Anon),
    /// State transitions as they come, until the client sends or closes.
    Follow(Rc<Follower>),
    /// The listening sockets, for the process that takes over.
    Sockets,
}

impl From<Reply> for Outcome {
    fn from(reply: Reply) -> Self {
        Self::Reply(reply)
    }
}

impl From<Dump> for Outcome {
    fn from(dump: Dump) -> Self {
        Self::Dump(Box::new(dump))
    }
}

impl From<Result<Dump, Reply>> for Outcome {
    fn from(result: Result<Dump, Reply>) -> Self {
        result.map_or_else(Self::Reply, Self::from)
    }
}

impl From<Result<Reply, Reply>> for Outcome {
    fn from(result: Result<Reply, Reply>) -> Self {
        Self::Reply(result.unwrap_or_else(|failure| failure))
    }
}

/// Runs a command.
pub(super) async fn run(control: &Rc<Control>, request: &Request) -> Outcome {
    match request.id {
        CommandId::AddAcl => patterns::add(control, request, Kind::Acl).into(),
        CommandId::AddBackend => backend::add(control, request).into(),
        CommandId::AddMap => patterns::add(control, request, Kind::Map).into(),
        CommandId::AddServer => dynamic::add(control, request).into(),
        CommandId::ClearAcl => patterns::clear(control, request, Kind::Acl).into(),
        CommandId::ClearCounters => clear::maxima(control).await.into(),
        CommandId::ClearCountersAll => clear::all(control).await.into(),
        CommandId::ClearCountersServer => clear::server(control, request).await.into(),
        CommandId::ClearMap => patterns::clear(control, request, Kind::Map).into(),
        CommandId::ClearTable => tables::clear(control, request).into(),
        CommandId::CommitAcl => patterns::commit(control, request, Kind::Acl).into(),
        CommandId::CommitMap => patterns::commit(control, request, Kind::Map).into(),
        CommandId::DebugCounters => inside::debug::counters(control, request).into(),
        CommandId::DebugDevHash => inside::debug::hash(request).into(),
        CommandId::DelAcl => patterns::delete(control, request, Kind::Acl).into(),
        CommandId::DelBackend => backend::remove(control, request).await.into(),
        CommandId::DelMap => patterns::delete(control, request, Kind::Map).into(),
        CommandId::DelServer => dynamic::remove(control, request).await.into(),
        CommandId::DisableAgent => switches::agent(control, request, false).into(),
        CommandId::DisableDynamicCookie => dynamic_cookie::enable(control, request, false).into(),
        CommandId::DisableFrontend => frontend::disable(control, request).into(),
        CommandId::DisableHealth => switches::health(control, request, false).into(),
        CommandId::DisableServer => switches::server(control, request, false).into(),
        CommandId::EnableAgent => switches::agent(control, request, true).into(),
        CommandId::EnableDynamicCookie => dynamic_cookie::enable(control, request, true).into(),
        CommandId::EnableFrontend => frontend::enable(control, request).into(),
        CommandId::EnableHealth => switches::health(control, request, true).into(),
        CommandId::EnableServer => switches::server(control, request, true).into(),
        CommandId::GetAcl => patterns::get(control, request, Kind::Acl).into(),
        CommandId::GetSocks => Outcome::Sockets,
        CommandId::GetMap => patterns::get(control, request, Kind::Map).into(),
        CommandId::GetVar => vars::get(control, request).into(),
        CommandId::GetWeight => set_server::get_weight(control, request).into(),
        CommandId::PrepareAcl => patterns::prepare(control, request, Kind::Acl).into(),
        CommandId::PrepareMap => patterns::prepare(control, request, Kind::Map).into(),
        CommandId::PublishBackend => backend::publish(control, request).into(),
        CommandId::SetAnonGlobalKey => anon::set_global_key(control, request).into(),
        CommandId::SetAnonOn => anon::on(control, request).map_or_else(Outcome::Reply, Outcome::Anon),
        CommandId::SetDynamicCookieKey => dynamic_cookie::set_key(control, request).into(),
        CommandId::SetMap => patterns::set(control, request).into(),
        CommandId::SetMaxconnFrontend => limits::frontend(control, request).into(),
        CommandId::SetMaxconnGlobal => limits::global(control, request).into(),
        CommandId::SetMaxconnServer => limits::server(control, request).into(),
        CommandId::SetProfiling => inside::profiling::set(control, request).into(),
        CommandId::SetRateLimit => limits::rate(control, request).into(),
        CommandId::SetServer => set_server::run(control, request).into(),
        CommandId::SetTable => tables::set(control, request).into(),
        CommandId::SetVar => vars::set(control, request).into(),
        CommandId::SetWeight => set_server::set_weight(control, request).into(),
        CommandId::ShowAcl => patterns::show(control, request, Kind::Acl).unwrap_or_else(Outcome::Reply),
        CommandId::ShowActivity => inside::activity::show(control, request).into(),
        CommandId::ShowBackend => process::backends(control).into(),
        CommandId::ShowCache => nothing::caches().into(),
        CommandId::ShowCliSockets => process::sockets(control).into(),
        CommandId::ShowDefaultServer => backend::default_servers(control, request).into(),
        CommandId::ShowDefaults => backend::defaults(control).into(),
        CommandId::ShowDev => inside::dev::show(control, request).into(),
        CommandId::ShowEnv => environment::show(control, request).into(),
        CommandId::ShowErrors => errors::show(control, request).into(),
        CommandId::ShowEvents => events::show(control, request).map_or_else(Outcome::Reply, Outcome::Events),
        CommandId::ShowFd => inside::fd::show(control, request).await.into(),
        CommandId::ShowInfo => info::show(control, request).into(),
        CommandId::ShowLibs => libs::show().into(),
        CommandId::ShowMap => patterns::show(control, request, Kind::Map).unwrap_or_else(Outcome::Reply),
        CommandId::ShowPeers => nothing::peers(control, request).into(),
        CommandId::ShowPools => inside::pools::show(control, request).into(),
        CommandId::ShowProfiling => inside::profiling::show(control, request).into(),
        CommandId::ShowResolvers => resolvers::show(control, request).into(),
        CommandId::ShowSchemaJson => process::schema().into(),
        CommandId::ShowServersConn => servers::conn(control, request).into(),
        CommandId::ShowServersState => servers::state(control, request).into(),
        CommandId::ShowSess => sess::show(control, request).into(),
        CommandId::ShowStartupLogs => process::startup_logs(control).into(),
        CommandId::ShowStat => stat::show(control, request).into(),
        CommandId::ShowTable => tables::show(control, request).into(),
        CommandId::ShowTasks => inside::threads::tasks(control).into(),
        CommandId::ShowThreads => inside::threads::show(control).into(),
        CommandId::ShowTrace => trace::show(control, request).into(),
        CommandId::ShowVersion => process::version().into(),
        CommandId::ShutdownFrontend => frontend::shutdown(control, request).into(),
        CommandId::ShutdownSession => shutdown::session(control, request).await.into(),
        CommandId::ShutdownSessionsServer => shutdown::server_sessions(control, request).into(),
        CommandId::UnpublishBackend => backend::unpublish(control, request).into(),
        CommandId::Trace => trace::run(control, request).into(),
        CommandId::AbortSslCaFile => ssl::abort(control, request, Family::Ca).into(),
        CommandId::AbortSslCert => ssl::abort_cert(control, request).into(),
        CommandId::AbortSslCrlFile => ssl::abort(control, request, Family::Crl).into(),
        CommandId::AddSslCaFile => ssl::add_ca(control, request).into(),
        CommandId::AddSslCrtList => ssl::add_crt_list(control, request).into(),
        CommandId::CommitSslCaFile => ssl::commit(control, request, Family::Ca).into(),
        CommandId::CommitSslCert => ssl::commit_cert(control, request).into(),
        CommandId::CommitSslCrlFile => ssl::commit(control, request, Family::Crl).into(),
        CommandId::DelSslCaFile => ssl::del(control, request, Family::Ca).into(),
        CommandId::DelSslCert => ssl::del_cert(control, request).into(),
        CommandId::DelSslCrlFile => ssl::del(control, request, Family::Crl).into(),
        CommandId::DelSslCrtList => ssl::del_crt_list(control, request).into(),
        CommandId::DumpStatsFile => stats_file::dump().into(),
        CommandId::DumpSslCert => ssl::dump_cert(control, request).into(),
        CommandId::NewSslCaFile => ssl::new(control, request, Family::Ca).into(),
        CommandId::NewSslCert => ssl::new_cert(control, request).into(),
        CommandId::NewSslCrlFile => ssl::new(control, request, Family::Crl).into(),
        CommandId::SetSslCaFile => ssl::set(control, request, Family::Ca).into(),
        CommandId::SetSslCert => ssl::set_cert(control, request).into(),
        CommandId::SetSslCrlFile => ssl::set(control, request, Family::Crl).into(),
        CommandId::SetSslOcspResponse => ssl::set_ocsp(control, request).into(),
        CommandId::SetSslTlsKey => ssl::set_tls_key(request).into(),
        CommandId::ShowSslCaFile => ssl::show(control, request, Family::Ca).into(),
        CommandId::ShowSslCert => ssl::show_cert(control, request).into(),
        CommandId::ShowSslCrlFile => ssl::show(control, request, Family::Crl).into(),
        CommandId::ShowSslCrtList => ssl::show_crt_list(control, request).into(),
        CommandId::ShowSslOcspResponse => ssl::show_ocsp(control, request).into(),
        CommandId::ShowSslOcspUpdates => ssl::show_ocsp_updates().into(),
        CommandId::ShowSslProviders => ssl::providers().into(),
        CommandId::ShowSslSni => ssl::show_sni(control, request).into(),
        CommandId::ShowTlsKeys => ssl::tls_keys(request).into(),
        CommandId::Wait => wait::run(request).map_or_else(Outcome::Reply, Outcome::Wait),
        // These never come here.
        CommandId::CheckServer
        | CommandId::ExplainServer
        | CommandId::ShowLeases
        | CommandId::ShowServersRevisions
        | CommandId::SubscribeEvents
        | CommandId::Undo => Reply::Empty.into(),
        // The connection answers these itself.
        CommandId::Echo
        | CommandId::ExperimentalMode
        | CommandId::ExpertMode
        | CommandId::Help
        | CommandId::Operator
        | CommandId::Prompt
        | CommandId::Quit
        | CommandId::SetAnonOff
        | CommandId::SetSeverityOutput
        | CommandId::SetTimeout
        | CommandId::ShowAnon
        | CommandId::ShowCliLevel
        | CommandId::User => Reply::Empty.into(),
    }
}
