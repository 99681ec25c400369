//! Goal: show that environments and keys are made once, with names and numbers of their own, and
//! are there after a restart.

use crate::support::{Bench, outcome};
use stipend_core::catalog::{CatalogCommand, CreditProration, Settings, SettingsPatch};
use stipend_core::{EnvId, Timestamp, Zone};
use stipend_engine::{
    ApiKey, Command, Environment, EnvironmentKind, Operator, PRODUCTION, PasswordHash, Refusal,
    Reply, Rights, SANDBOX_NAME,
};

const MANAGES: Rights = Rights { manages_environments: true };

fn create(name: &str, key: &str) -> Command {
    create_as(EnvironmentKind::Sandbox, name, key)
}

fn create_as(kind: EnvironmentKind, name: &str, key: &str) -> Command {
    let (name, settings) = (name.to_owned(), Settings::default());
    Command::CreateEnvironment { name, kind, settings, key: ApiKey::new(key) }
}

fn names(bench: &Bench) -> Vec<(u32, String)> {
    let environments = bench.engine().environments();
    environments.into_iter().map(|Environment { id, name, .. }| (id.0, name)).collect()
}

#[test]
fn two_changes_of_settings_at_once_are_both_made() {
    let bench = Bench::empty();
    let zone = Zone::parse("Europe/Berlin").expect("there is one");
    let in_zone = SettingsPatch { zone: Some(Some(zone.clone())), ..SettingsPatch::default() };
    let prorated =
        SettingsPatch { proration: Some(CreditProration::Prorate), ..SettingsPatch::default() };
    bench.control().pause();
    let blocker = bench.submit(create("team-a", "key-a"));
    bench.wait_until_held();
    let changes = [in_zone, prorated];
    let changes =
        changes.map(|patch| bench.submit(Command::Catalog(CatalogCommand::UpdateSettings(patch))));
    bench.let_queue_drain();
    bench.control().release();
    for waiting in changes.into_iter().chain([blocker]) {
        outcome(waiting).expect("nothing speaks against it");
    }
    let settings = bench.engine().catalog(PRODUCTION).settings.clone();
    let expected =
        Settings { zone: Some(zone), proration: CreditProration::Prorate, ..Settings::default() };
    assert_eq!(settings, expected);
    bench.verify();
}

#[test]
fn environments_are_made_with_a_key_and_stay() {
    let mut bench = Bench::empty();
    bench.done(create("team-a", "key-a"));
    bench.done(Command::OpenSandbox(ApiKey::new("sandbox-1")));
    let position = bench.engine().last_position();
    bench.done(Command::OpenSandbox(ApiKey::new("sandbox-1")));
    assert_eq!(bench.engine().last_position(), position, "it is there");
    bench.done(Command::OpenSandbox(ApiKey::new("sandbox-2")));
    bench.done_in(EnvId(2), Command::CreateKey(ApiKey { rights: MANAGES, ..ApiKey::new("key-b") }));
    for _ in 0..2 {
        let expected = [(1, "production"), (2, "team-a"), (3, SANDBOX_NAME)];
        assert_eq!(names(&bench), expected.map(|(id, name)| (id, name.to_owned())));
        let none = Rights::default();
        for (key, env, rights) in [
            ("key", PRODUCTION, MANAGES),
            ("key-a", EnvId(2), none),
            ("key-b", EnvId(2), MANAGES),
            ("sandbox-1", EnvId(3), none),
            ("sandbox-2", EnvId(3), none),
        ] {
            let known = bench.engine().authenticate(key).expect("nobody has revoked it");
            assert_eq!((known.env, known.rights), (env, rights), "{key}");
        }
        let sandbox = bench.engine().environment(EnvId(3)).expect("it was made");
        assert_eq!(sandbox.kind, EnvironmentKind::Sandbox);
        assert_eq!(bench.engine().environment(EnvId(4)), None);
        bench.restart();
    }
    bench.verify();
}

#[test]
fn names_and_keys_are_taken_once_also_while_a_commit_is_held() {
    let bench = Bench::empty();
    bench.control().pause();
    let first = bench.submit(create("team", "key-a"));
    bench.wait_until_held();
    let commands = [
        (create("team", "key-b"), Refusal::AlreadyExists("team".to_owned())),
        (create("production", "key-b"), Refusal::AlreadyExists("production".to_owned())),
        (create("other", "key-a"), Refusal::ApiKeyExists),
        (create("other", "key"), Refusal::ApiKeyExists),
        (create("other one", "key-b"), Refusal::EnvironmentNameInvalid),
        (Command::CreateKey(ApiKey::new("key-a")), Refusal::ApiKeyExists),
        (Command::CreateKey(ApiKey::new("key")), Refusal::ApiKeyExists),
        (Command::OpenProduction(ApiKey::new("key-a")), Refusal::ApiKeyExists),
        (Command::OpenSandbox(ApiKey::new("key")), Refusal::ApiKeyExists),
    ];
    let waiting: Vec<_> =
        commands.into_iter().map(|(command, expected)| (bench.submit(command), expected)).collect();
    bench.control().release();
    assert_eq!(crate::support::outcome(first), Ok(Reply::Done));
    for (waiting, expected) in waiting {
        assert_eq!(crate::support::outcome(waiting), Err(expected));
    }
    assert_eq!(names(&bench).len(), 2);
    bench.verify();
}

#[test]
fn production_with_the_name_of_the_sandbox_is_not_taken_for_it() {
    let bench = Bench::empty();
    bench.done(create_as(EnvironmentKind::Production, SANDBOX_NAME, "k"));
    let opened = bench.run(Command::OpenSandbox(ApiKey::new("s")));
    assert_eq!(opened, Err(Refusal::AlreadyExists(SANDBOX_NAME.to_owned())));
}

fn operator(name: &str, last: u8) -> Operator {
    let password = PasswordHash {
        memory_kib: 19_456,
        passes: 2,
        lanes: 1,
        salt: [last; 16],
        hash: [last; 32],
    };
    let (created_at, changed_at) = (Timestamp::EPOCH, Timestamp::EPOCH);
    Operator { name: name.to_owned(), password, created_at, changed_at }
}

#[test]
fn the_first_operator_is_made_once_and_stays_with_the_last_password() {
    let mut bench = Bench::empty();
    let unknown = bench.run(Command::SetPassword(operator("maria", 1)));
    assert_eq!(unknown, Err(Refusal::OperatorNotFound));
    bench.done(Command::SetUpOperator(operator("maria", 1)));
    let again = bench.run(Command::SetUpOperator(operator("eve", 2)));
    assert_eq!(again, Err(Refusal::AlreadySetUp));
    bench.done(Command::SetPassword(operator("maria", 3)));
    for _ in 0..2 {
        let maria = bench.engine().find_operator("maria").expect("she was made");
        assert_eq!(maria.password.hash, [3; 32]);
        assert_ne!(maria.created_at, Timestamp::EPOCH, "the engine says when");
        assert_eq!(bench.engine().find_operator("eve"), None);
        assert!(!format!("{maria:?}").contains("3, 3"), "a hash is not shown");
        bench.restart();
    }
    bench.verify();
}
