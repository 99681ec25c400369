//! Goal: show that a key that was revoked opens nothing for ever, and that every row says who had
//! it done, whatever is restarted.
//! Method: the same commands by different actors; what the rows say before and after a restart.

use crate::support::{ACME, Bench, consume, customer_id, grant, instant, new_grant};
use stipend_core::customer::{CustomerCommand, CustomerPatch, Entry};
use stipend_core::{EnvId, examples};
use stipend_engine::life::{actor_of, life_page, own_page};
use stipend_engine::limits::API_KEY_NAME_MAX;
use stipend_engine::record::KIND_REALM;
use stipend_engine::{
    Actor, ApiKey, Command, KeyNo, PRODUCTION, Refusal, Rights, Scope, Submission,
};

fn run_as(bench: &Bench, by: Actor, command: Command) {
    let submission = Submission { env: PRODUCTION, by, command, remember: None, render: None };
    let done = bench.engine().submitter().submit_blocking(submission);
    done.unwrap_or_else(|refusal| panic!("it must not be refused: {refusal:?}"));
}

fn ada() -> Actor {
    Actor::Operator("Ada".to_owned())
}

#[test]
fn a_revoked_key_opens_nothing_and_stays_so() {
    let mut bench = Bench::empty();
    let scope = Scope::Usage;
    let gate = ApiKey { scope, name: "Gate".to_owned(), ..ApiKey::new("gate") };
    run_as(&bench, ada(), Command::CreateKey(gate));
    let known = bench.engine().authenticate("gate").expect("it was made");
    assert_eq!((known.env, known.number, known.scope), (PRODUCTION, KeyNo(2), Scope::Usage));

    run_as(&bench, Actor::Key(KeyNo(1)), Command::RevokeKey(KeyNo(2)));
    let position = bench.engine().last_position();
    for _ in 0..2 {
        assert_eq!(bench.engine().authenticate("gate"), None);
        assert!(bench.engine().authenticate("key").is_some(), "the other one is as it was");
        bench.done(Command::RevokeKey(KeyNo(2)));
        bench.done(Command::OpenProduction(ApiKey::new("gate")));
        assert_eq!(bench.engine().last_position(), position, "nothing is written");
        let again = bench.run(Command::CreateKey(ApiKey::new("gate")));
        assert_eq!(again, Err(Refusal::ApiKeyExists));
        let keys = bench.engine().api_keys(PRODUCTION);
        let told = (&keys[1].created_by, keys[1].revoked_at, &keys[1].revoked_by);
        let at = Some(examples::START);
        assert_eq!(told, (&Some(ada()), at, &Some(Actor::Key(KeyNo(1)))));
        bench.restart();
    }
    bench.verify();
}

#[test]
fn keys_are_refused_that_are_none_of_the_environment_or_claim_too_much() {
    let bench = Bench::empty();
    let sandbox = bench.sandbox();
    let named = |name: String| Command::CreateKey(ApiKey { name, ..ApiKey::new("new") });
    let rights = Rights { manages_environments: true };
    let narrow = ApiKey { rights, scope: Scope::Read, ..ApiKey::new("new") };
    let check = |env: EnvId, command: Command, refusal: Refusal| {
        assert_eq!(bench.run_in(env, command), Err(refusal));
    };
    check(sandbox, Command::RevokeKey(KeyNo(1)), Refusal::ApiKeyNotFound);
    check(PRODUCTION, Command::RevokeKey(KeyNo(9)), Refusal::ApiKeyNotFound);
    check(PRODUCTION, named("é".repeat(API_KEY_NAME_MAX + 1)), Refusal::ApiKeyNameInvalid);
    check(PRODUCTION, named("a\nb".to_owned()), Refusal::ApiKeyNameInvalid);
    check(PRODUCTION, Command::CreateKey(narrow), Refusal::ApiKeyScopeTooNarrow);
    bench.done(named("é".repeat(API_KEY_NAME_MAX)));
}

#[test]
fn every_row_says_who_had_it_done() {
    let mut bench = Bench::seeded();
    for key in ["second", "third"] {
        bench.done(Command::CreateKey(ApiKey::new(key)));
    }
    let rename = CustomerPatch { name: Some(Some("New".to_owned())), ..CustomerPatch::default() };
    let rename = CustomerCommand::Update(rename);
    run_as(&bench, ada(), Command::Customer(customer_id(ACME), rename));
    let gift = grant(ACME, new_grant(&examples::credits(), 7));
    run_as(&bench, Actor::Key(KeyNo(1)), gift);
    run_as(&bench, Actor::Key(KeyNo(2)), consume(ACME, "one", 5));
    // What is due first is done by time, and the command by whoever has it done.
    bench.clock.set(instant("2026-04-02T00:00:00Z"));
    run_as(&bench, Actor::Key(KeyNo(3)), consume(ACME, "two", 5));
    let told = |bench: &Bench| {
        let rows = bench.rows().into_iter().filter(|row| row.slot > 0);
        let who = rows.map(|row| (row.kind, actor_of(&row).expect("it can be read")));
        who.collect::<Vec<_>>()
    };
    let before = told(&bench);
    assert!(before.iter().all(|(_, by)| by.is_some()), "{before:?}");
    let by = |actor: Actor| {
        let of = before.iter().filter(|(_, by)| *by == Some(actor.clone()));
        of.map(|(kind, _)| *kind).collect::<Vec<_>>()
    };
    assert_eq!(by(ada()), [10]);
    assert_eq!(by(Actor::Key(KeyNo(1))), [21]);
    assert_eq!(by(Actor::Key(KeyNo(2))), [20]);
    assert_eq!(by(Actor::Key(KeyNo(3))), [20]);
    assert!(by(Actor::System).contains(&23), "{before:?}");
    bench.restart();
    assert_eq!(told(&bench), before);
    assert!(
        bench
            .rows()
            .iter()
            .filter(|row| row.kind == KIND_REALM)
            .all(|row| { actor_of(row).is_ok_and(|by| by.is_some()) })
    );
    bench.verify();
}

#[test]
fn the_life_of_a_customer_is_read_newest_first_with_who_and_what_was_before() {
    let bench = Bench::seeded();
    for name in ["B", "C"] {
        let patch = CustomerPatch { name: Some(Some(name.into())), ..CustomerPatch::default() };
        let rename = CustomerCommand::Update(patch);
        run_as(&bench, ada(), Command::Customer(customer_id(ACME), rename));
    }
    let engine = bench.engine();
    let account = engine.find_customer(PRODUCTION, &customer_id(ACME));
    let account = account.expect("it was made");
    let names = |before, wanted| {
        let page = own_page(engine.reader(), &account, before, wanted).expect("it is sound");
        let told = page.into_iter().map(|lived| {
            let what = match lived.what {
                Entry::Profile(profile) => profile.name.unwrap_or_default(),
                Entry::Subscription(terms) => terms.id.to_string(),
                other => panic!("not of its own: {other:?}"),
            };
            (lived.seq, what, lived.by)
        });
        told.collect::<Vec<_>>()
    };
    let all = names(0, 100);
    let whats: Vec<&str> = all.iter().map(|(_, what, _)| what.as_str()).collect();
    assert_eq!(whats[..3], ["C", "B", "sub-1"], "{whats:?}");
    assert_eq!(all[0].2, Some(ada()));
    assert_eq!(all.last().expect("it was made").2, Some(Actor::Host));
    assert_eq!(names(all[0].0, 1), all[1..2]);
    let chains: Vec<_> = account.chains.iter().collect();
    let life = life_page(engine.reader(), &chains, 0, 10).expect("it is sound");
    assert!(life.iter().all(|lived| lived.by.is_some()), "{life:?}");
}
