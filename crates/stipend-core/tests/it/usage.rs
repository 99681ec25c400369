//! Usage and its price: what is counted, what it takes of the pool and what comes back.

use crate::feature_world::{catalog, feature, step as feature_step};
use crate::support::{World, amount, lines, run};
use crate::usage_world::{check, event_request, step, usage_request};
use stipend_core::catalog::{CatalogCommand, Charges, CreditRate, PackagePatch, Pricing};
use stipend_core::catalog::{CatalogRejection, Migration, PackageKey, decide};
use stipend_core::customer::{
    BillingPeriod, CustomerRejection, estimate_event, estimate_usage, usage_standing,
};
use stipend_core::{Amount, PackageId, examples};

/// One refusal of each kind that only usage meets.
pub(crate) fn rejections() -> Vec<CustomerRejection> {
    let refused = |catalog_text: &str, table: &str| {
        let mut world = World::new(catalog(catalog_text));
        let mut last = None;
        for line in lines(&table.replace(';', "\n")) {
            last = step(&mut world, line).err();
        }
        last.expect("the last step is refused")
    };
    vec![
        refused("feature size number", "report size 1"),
        refused("feature calls incremental", "report calls 1e18; report calls 1"),
        refused(
            "feature calls incremental meter=count; plan base calls rate:calls=0:~1/a",
            "subscribe base; event call a=0",
        ),
        refused(
            "feature calls incremental; plan base calls=10:STRICT",
            "subscribe base; report calls 11",
        ),
        refused(
            "feature calls incremental
             plan base credits=1/month
             addon one rate:calls=1
             addon two rate:calls=2",
            "subscribe base one two",
        ),
    ]
}

#[test]
fn the_acceptance_numbers_of_conversion() {
    check(
        "
        feature images incremental
        feature emails incremental
        feature jobs incremental meter=count where=eventName:job
        plan base credits=1000/month rate:images=10 rate:emails=3 rate:jobs=0:~1.1*a+1.5*b+5*c
        ",
        "
        2026-03-01 subscribe base
        report images 1            => used 1, took 10, left 990
        report emails 1            => used 1, took 3, left 987
        report emails 4            => used 5, took 12, left 975
        event job a=10 b=20 c=3    => used 1, took 56, left 919
        event job a=1 b=0 c=0      => used 2, took 1.1, left 917.9
        event other a=1            => nothing
        ",
    );
}

#[test]
fn a_formula_picks_the_rate_by_the_name_of_the_model() {
    check(
        r#"
        feature chat incremental meter=sum:tokens where=eventName:chat
        plan base credits=1000/month rate:chat=0:~if(model=="large",30,2)*tokens/1000
        "#,
        "
        2026-03-01 subscribe base
        event chat model=large tokens=1500   => used 1500, took 45, left 955
        event chat model=small tokens=1500   => used 3000, took 3, left 952
        event chat tokens=1500               => used 4500, took 3, missing model, left 949
        event chat model=large               => used 4500, missing tokens, left 949
        report chat 100 model=large tokens=100 => used 4600, took 3, left 946
        report chat -100 model=large tokens=100 => used 4500, gave 3, left 949
        report chat 4500 set tokens=100      => used 4500, left 949
        ",
    );
}

#[test]
fn a_feature_costs_what_the_plan_says_and_an_addon_says_it_again() {
    let costs = |plan: &str, took: &str| {
        check(
            "
            feature calls incremental
            plan base credits=100/month rate:calls=10
            plan child parent=base
            plan cheap credits=100/month rate:calls=1
            plan other credits=100/month
            addon rebate rate:calls=2
            ",
            &format!("2026-03-01 subscribe {plan}\n report calls 1 => used 1, {took}"),
        );
    };
    costs("base", "took 10, left 90");
    costs("child", "took 10, left 90");
    costs("cheap", "took 1, left 99");
    costs("base rebate", "took 2, left 98");
    costs("other", "left 100");
}

#[test]
fn units_are_priced_as_they_are_transformed() {
    check(
        "
        feature words incremental per=1000:up
        feature bytes incremental per=1000:down
        plan base credits=100/month rate:words=2 rate:bytes=2
        ",
        "
        2026-03-01 subscribe base
        report words 1        => used 1, took 2, left 98
        report words 999      => used 1000, left 98
        report words 0.5      => used 1000.5, took 2, left 96
        report words 2500     => used 3500.5, took 4, left 92
        report words -3500    => used 0.5, gave 6, left 98
        report bytes 999      => used 999, left 98
        report bytes 1        => used 1000, took 2, left 96
        report bytes -1       => used 999, gave 2, left 98
        ",
    );
}

#[test]
fn every_aggregation_counts_events_in_its_way() {
    let table = |aggregation: &str, table: &str| {
        let catalog = format!("feature f incremental meter={aggregation}\n plan base f");
        check(&catalog, &format!("2026-03-01 subscribe base\n {table}"));
    };
    table("count", "event e => used 1, left 0\n event e a=5 => used 2, left 0");
    table(
        "sum:a",
        "event e a=5 => used 5, left 0\n event e a=-2 => used 3, left 0
         event e => used 3, left 0\n event e a=text => used 3, left 0",
    );
    table(
        "max:a",
        "event e a=-5 => used -5, left 0\n event e a=-7 => used -5, left 0
         event e a=2 => used 2, left 0\n event e => used 2, left 0",
    );
    table(
        "min:a",
        "event e a=5 => used 5, left 0\n event e a=7 => used 5, left 0
         event e a=-2 => used -2, left 0",
    );
    table(
        "avg:a",
        "event e a=1 => used 1, left 0\n event e a=2 => used 1.5, left 0
         event e a=2 => used 1.666666667, left 0\n report f 3 set => used 3, left 0
         event e a=5 => used 4, left 0",
    );
    table(
        "unique:a",
        "event e a=x => used 1, left 0\n event e a=x => used 1, left 0
         event e a=y => used 2, left 0\n event e a=1.50 => used 3, left 0
         event e a=1.5 => used 3, left 0\n event e a=true => used 4, left 0
         event e => used 4, left 0\n report f 10 set => used 10, left 0
         event e a=x => used 11, left 0",
    );
}

#[test]
fn the_greatest_value_and_different_values_are_charged_as_they_rise() {
    check(
        "
        feature size incremental meter=max:gb where=eventName:stored
        feature users incremental meter=unique:user where=eventName:login
        plan base credits=100/month rate:size=2 rate:users=5
        ",
        "
        2026-03-01 subscribe base
        event stored gb=10    => used 10, took 20, left 80
        event stored gb=4     => used 10, left 80
        event stored gb=11    => used 11, took 2, left 78
        event login user=ann  => used 1, took 5, left 73
        event login user=ann  => used 1, left 73
        event login user=bob  => used 2, took 5, left 68
        ",
    );
}

#[test]
fn an_event_is_charged_for_each_feature_that_counts_it_one_after_the_other() {
    let world = check(
        "
        feature calls incremental meter=count
        feature tokens incremental meter=sum:n
        feature words incremental meter=sum:n where=kind:text
        plan base credits=10/month rate:calls=4 rate:tokens=1
        ",
        "
        2026-03-01 subscribe base
        event call n=5 => used 1, took 4, used 5, took 5, left 1
        event call n=5 kind=text => used 2, took 4 (#1 1 overdraft 3), used 10, took 5 (overdraft 5), used 5, left -8
        ",
    );
    assert_eq!(world.customer.usages.len(), 3);
}

#[test]
fn a_report_is_added_or_set_and_only_the_difference_is_paid() {
    check(
        "feature seats fluctuating\n plan base credits=100/month rate:seats=10",
        "
        2026-03-01 subscribe base
        report seats 3 set     => used 3, took 30, left 70
        report seats 3 set     => used 3, left 70
        report seats 1         => used 4, took 10, left 60
        report seats 2 set     => used 2, gave 20, left 80
        report seats -2        => used 0, gave 20, left 100
        report seats -5        => used -5, left 100
        report seats 5         => used 0, left 100
        report seats 1         => used 1, took 10, left 90
        ",
    );
}

#[test]
fn usage_without_a_price_or_a_subscription_is_counted_and_takes_nothing() {
    check(
        "feature calls incremental\n plan base calls credits=100/month",
        "
        2026-03-01 report calls 5  => used 5, left 0
        subscribe base
        report calls 1             => anew subscription 2026-03-01, used 1, left 100
        ",
    );
}

#[test]
fn usage_starts_anew_with_each_period() {
    let periods = |terms: &str, table: &str| {
        let catalog = format!("feature f incremental\n plan base f={terms}");
        check(&catalog, &format!("2026-03-05T10:30:00Z subscribe base\n {table}"));
    };
    periods(
        "9:hour",
        "2026-03-05T11:29:59Z report f 1 => used 1, left 0
         2026-03-05T11:30:00Z report f 1 => anew period 2026-03-05T11:30:00Z, used 1, left 0
         2026-03-06 report f 1 => anew period 2026-03-05T12:30:00Z, used 1, left 0",
    );
    periods(
        "9:day",
        "2026-03-06T10:29:59Z report f 1 => used 1, left 0
         2026-03-06T10:30:00Z report f 1 => anew period 2026-03-06T10:30:00Z, used 1, left 0",
    );
    periods(
        "9:week",
        "2026-03-12T10:29:59Z report f 1 => used 1, left 0
         2026-03-12T10:30:00Z report f 1 => anew period 2026-03-12T10:30:00Z, used 1, left 0",
    );
    periods(
        "9:week:from-monday",
        "2026-03-08T23:59:59Z report f 1 => used 1, left 0
         2026-03-09 report f 1 => anew period 2026-03-09, used 1, left 0",
    );
    periods(
        "9:month",
        "2026-04-05T10:29:59Z report f 1 => used 1, left 0
         2026-04-05T10:30:00Z report f 1 => anew period 2026-04-05T10:30:00Z, used 1, left 0",
    );
    periods(
        "9:month:from-the-first",
        "2026-03-31T23:59:59Z report f 1 => used 1, left 0
         2026-04-01 report f 1 => anew period 2026-04-01, used 1, left 0",
    );
    periods(
        "9:year",
        "2027-03-05T10:29:59Z report f 1 => used 1, left 0
         2027-03-05T10:30:00Z report f 1 => anew period 2027-03-05T10:30:00Z, used 1, left 0",
    );
    periods("9", "report f 1\n 2029-03-06 report f 1 => used 2, left 0");
}

#[test]
fn a_level_never_starts_anew() {
    check(
        "feature seats fluctuating\n plan base seats=9:month credits=100/month rate:seats=10",
        "
        2026-03-01 subscribe base
        report seats 3             => used 3, took 30, left 70
        2026-05-01 report seats 1  => used 4, took 10, left 90
        report seats -1            => used 3, gave 10, left 100
        report seats -1            => used 2, forfeited 10, left 100
        ",
    );
}

#[test]
fn less_usage_is_not_charged_again_on_the_return_to_a_plan() {
    let shop = "
        feature seats fluctuating
        plan base credits=100/month rate:seats=10
        plan pro credits=500/month rate:seats=10
        ";
    check(
        shop,
        "
        2026-03-01 subscribe base
        report seats 4         => used 4, took 40, left 60
        subscribe pro id=b     => 500
        report seats -3        => used 1, forfeited 30, left 500
        subscribe base id=c    => 90
        ",
    );
    check(
        shop,
        "
        2026-03-01 subscribe base
        report seats 4         => used 4, took 40, left 60
        void 1                 => 0
        report seats -3        => used 1, forfeited 30, left 0
        subscribe pro id=b     => 500
        subscribe base id=c    => 90
        ",
    );
    // What is remembered counts once, also where several meters gave up what they drew.
    check(
        &format!("{shop} \n feature calls fluctuating"),
        "
        2026-03-01 subscribe base
        report seats 4         => used 4, took 40, left 60
        use 20                 => 40
        subscribe pro id=b     => 500
        report seats -1        => used 3, forfeited 10, left 500
        report seats -3        => used 0, forfeited 30, left 500
        subscribe base id=c    => 80
        ",
    );
}

#[test]
fn what_starts_anew_costs_anew_and_gives_nothing_of_before_back() {
    check(
        "feature calls incremental per=10:up\n plan base calls=99:month credits=100/month rate:calls=10",
        "
        2026-03-01 subscribe base
        report calls 15            => used 15, took 20, left 80
        2026-04-01 report calls -5 => anew period 2026-04-01, used -5, left 100
        report calls 6             => used 1, took 10, left 90
        ",
    );
}

#[test]
fn a_change_of_plan_lets_usage_start_anew_as_the_product_says() {
    let catalog = "
        feature calls incremental
        feature seats fluctuating
        plan base calls=99:month seats=9
        plan pro calls=999:month seats=99
    ";
    let steps = |report: &str| {
        format!(
            "2026-03-01 subscribe base
             report calls 5
             report seats 5
             2026-03-10 subscribe pro id=sub-2
             report seats 1 => used 6, left 0
             {report}"
        )
    };
    check(catalog, &steps("report calls 1 => anew subscription 2026-03-10, used 1, left 0"));
    let kept = steps(
        "report calls 1 => used 6, left 0
         2026-03-31 report calls 1 => used 7, left 0
         2026-04-01 report calls 1 => anew period 2026-04-01, used 1, left 0",
    );
    check(&format!("usage-reset never\n {catalog}"), &kept);
    check(&format!("usage-reset with-the-anchor\n {catalog}"), &kept);
    check(
        &format!("usage-reset never\n {catalog}"),
        "2026-03-01 subscribe base
         report calls 5
         2026-03-10 subscribe pro id=sub-2 anchor-now
         2026-04-05 report calls 1 => used 6, left 0
         2026-04-10 report calls 1 => anew period 2026-04-10, used 1, left 0",
    );
    check(
        &format!("usage-reset with-the-anchor\n {catalog}"),
        "2026-03-01 subscribe base
         report calls 5
         2026-03-10 subscribe pro id=sub-2 anchor-now
         report calls 1 => anew subscription 2026-03-10, used 1, left 0",
    );
}

#[test]
fn less_usage_gives_back_to_the_grants_that_gave_it_the_last_first() {
    check(
        "feature calls incremental\n plan base rate:calls=10",
        "
        2026-03-01 subscribe base
        grant promo 30
        grant paid 50 until=2026-06-01
        report calls 2   => used 2, took 20, left 60
        report calls 4   => used 6, took 40 (#2 30 #1 10), left 20
        ",
    );
}

#[test]
fn an_overdraft_is_lowered_and_what_settled_it_gets_it_back() {
    check(
        "feature calls incremental\n plan base rate:calls=10",
        "
        2026-03-01 subscribe base
        grant paid 10
        report calls 3   => used 3, took 30 (#1 10 overdraft 20), left -20
        report calls -1  => used 2, gave 10 (overdraft 10), left -10
        grant paid 50    => 40
        report calls -1  => used 1, gave 10, left 50
        report calls -1  => used 0, gave 10, left 60
        report calls 7   => used 7, took 70 (#1 10 #3 50 overdraft 10), left -10
        use 5
        report calls -2  => used 5, gave 20 (#3 10 overdraft 10 settled 5), left 5
        ",
    );
}

#[test]
fn usage_gives_everything_back_whatever_was_reversed_before() {
    check(
        "feature calls incremental\n plan base rate:calls=10",
        "
        2026-03-01 subscribe base
        use 50           => -50
        report calls 5   => used 5, took 50 (overdraft 50), left -100
        grant paid 30    => -70
        reverse 1        => -20
        report calls -5  => used 0, gave 50 (#2 30 overdraft 20), left 30
        ",
    );
    check(
        "feature calls incremental\n plan base rate:calls=10",
        "
        2026-03-01 subscribe base
        grant paid 40    => 40
        use 60           => -20
        report calls 3   => used 3, took 30 (overdraft 30), left -50
        grant promo 25   => -25
        reverse 1        => 35
        report calls -3  => used 0, gave 30 (#1 5 #3 25), left 65
        ",
    );
}

#[test]
fn what_a_grant_gave_that_is_over_does_not_come_back() {
    check(
        "feature seats fluctuating\n plan base rate:seats=10",
        "
        2026-03-01 subscribe base
        grant promo 30 until=2026-04-01
        grant paid 100
        report seats 5             => used 5, took 50 (#1 30 #2 20), left 80
        2026-04-01 report seats -1 => used 4, gave 10, left 90
        report seats -2            => used 2, forfeited 10, gave 10, left 100
        report seats -2            => used 0, forfeited 20, left 100
        ",
    );
    check(
        "feature seats fluctuating\n plan base rate:seats=10",
        "
        2026-03-01 subscribe base
        grant paid 30
        report seats 2   => used 2, took 20, left 10
        void 1           => 0
        report seats -1  => used 1, forfeited 10, left 0
        ",
    );
}

#[test]
fn what_was_drawn_follows_the_consumption_to_the_grants_that_take_its_place() {
    check(
        "
        feature calls incremental
        plan base credits=100/month rate:calls=10
        addon over credits=500/month:override
        ",
        "
        2026-03-01 subscribe base
        report calls 4        => used 4, took 40, left 60
        set over              => 460
        report calls -1       => used 3, gave 10, left 470
        report calls 50       => used 53, took 500 (#2 470 overdraft 30), left -30
        ",
    );
}

#[test]
fn what_a_plan_gave_comes_back_to_the_plan_that_took_its_consumption_over() {
    let table = |rule: &str, table: &str| {
        let catalog = format!(
            "{rule}
             feature seats fluctuating
             plan base credits=100/month rate:seats=10
             plan pro credits=500/month rate:seats=10"
        );
        check(&catalog, &format!("2026-03-01 subscribe base\n report seats 4\n {table}"));
    };
    table(
        "usage-reset never",
        "2026-03-10 subscribe pro id=sub-2 => 460
         report seats -1 => used 3, gave 10, left 470",
    );
    table(
        "",
        "2026-03-10 subscribe pro id=sub-2 => 500
         report seats -1 => used 3, forfeited 10, left 500",
    );
}

#[test]
fn strict_usage_is_refused_as_a_whole_and_soft_and_hard_usage_goes_on() {
    let table = |terms: &str, table: &str| {
        let catalog = format!("feature f incremental\n plan base {terms}");
        check(&catalog, &format!("2026-03-01 subscribe base\n {table}"));
    };
    let goes_on = "report f 10 => used 10, left 0\n report f 1 => used 11, left 0";
    table("f=10", goes_on);
    table("f=10:SOFT", goes_on);
    table("f=10:HARD", goes_on);
    table(
        "f=10:STRICT",
        "report f 10 => used 10, left 0
         report f 1 => refused: the usage of feature f would be 11, its limit is 10
         report f 12 set => refused: the usage of feature f would be 12, its limit is 10
         report f -1 => used 9, left 0
         report f 1 => used 10, left 0",
    );
    let overdrawn = "report f 11 => used 11, took 11 (#1 10 overdraft 1), left -1";
    table("credits=10/month rate:f=1", overdrawn);
    table("f=99 credits=10/month rate:f=1", overdrawn);
    table(
        "f=99:STRICT credits=10/month rate:f=1",
        "report f 11 => refused: 11 credits were asked for and 10 are available
         report f 10 => used 10, took 10, left 0",
    );
}

#[test]
fn what_is_too_late_or_too_early_is_refused_and_a_little_ahead_keeps_its_time() {
    check(
        "feature f incremental meter=count\n plan base f",
        "
        2026-03-01 subscribe base
        report f 1 when=2026-01-25 => used 1, left 0
        report f 1 when=2026-01-24T23:59:59Z => refused: events older than 35 days are not accepted
        event e when=2026-03-01T00:05:00Z => used 2, left 0
        event e when=2026-03-01T00:05:01Z => refused: events more than 5 minutes in the future are not accepted
        ",
    );
}

#[test]
fn resources_are_counted_and_paid_apart() {
    let world = check(
        "feature f incremental\n plan base credits=10/month rate:f=1",
        "
        2026-03-01 subscribe base on=site
        report f 3 on=site  => used 3, took 3, left 0
        report f 1          => used 1, left 0
        report f 1 on=elsewhere => refused: the customer has no resource elsewhere
        ",
    );
    assert_eq!(world.customer.pools[0].balance(), Amount::whole(7));
}

/// Publishes a plan with a price for the usage of a feature.
fn publish(features: &str, rate: &str, currency: &str) -> Result<(), CatalogRejection> {
    let mut catalog = catalog(features);
    let key = PackageKey::plan(PackageId::parse("new").unwrap());
    run(&mut catalog, &CatalogCommand::CreatePackage(examples::new_package(key.clone())));
    let rates = vec![CreditRate {
        feature: feature(rate),
        billing_period: BillingPeriod::Monthly,
        currency: stipend_core::CurrencyId::parse(currency).unwrap(),
        amount: Amount::whole(1),
        formula: None,
    }];
    let charges = Charges { rates, rows: Vec::new(), overage: Vec::new() };
    let patch = PackagePatch {
        charges: Some((Pricing::Paid, charges)),
        parent: None,
        ..PackagePatch::default()
    };
    run(&mut catalog, &CatalogCommand::UpdatePackage(key.clone(), Box::new(patch)));
    let credit = examples::credit_entitlement(
        examples::credits(),
        Some(Amount::whole(1)),
        stipend_core::Cadence::Month,
    );
    run(&mut catalog, &CatalogCommand::AddEntitlements(key.clone(), vec![credit]));
    let publish = CatalogCommand::Publish(key, Migration::NewCustomers);
    decide(&catalog, &publish, examples::START).map(drop)
}

/// One refusal of each kind that only prices of usage meet.
pub(crate) fn catalog_rejections() -> Vec<CatalogRejection> {
    let credits = examples::credits();
    vec![
        publish("feature f number", "f", credits.as_str()).unwrap_err(),
        publish("feature f incremental meter=min:a", "f", credits.as_str()).unwrap_err(),
    ]
}

#[test]
fn what_cannot_be_counted_cannot_be_priced() {
    let credits = examples::credits();
    let unsupported = Err(CatalogRejection::UnsupportedAggregation(feature("f")));
    assert_eq!(publish("feature f incremental meter=min:a", "f", credits.as_str()), unsupported);
    assert_eq!(publish("feature f incremental meter=avg:a", "f", credits.as_str()), unsupported);
    assert_eq!(publish("feature f incremental meter=max:a", "f", credits.as_str()), Ok(()));
    assert_eq!(
        publish("feature f number", "f", credits.as_str()),
        Err(CatalogRejection::FeatureNotMetered(feature("f")))
    );
    assert_eq!(
        publish("feature f incremental", "g", credits.as_str()),
        Err(CatalogRejection::FeatureNotFound(feature("g")))
    );
    assert!(matches!(
        publish("feature f incremental", "f", "nothing"),
        Err(CatalogRejection::CurrencyNotFound(_))
    ));
}

#[test]
fn an_estimate_is_what_the_report_then_takes() {
    let mut world = World::new(catalog(
        "
        feature calls incremental
        feature jobs incremental meter=count where=eventName:job
        feature free incremental
        plan base credits=100/month rate:calls=10 rate:jobs=0:~a*2
        ",
    ));
    step(&mut world, "2026-03-01 subscribe base").unwrap();
    step(&mut world, "report calls 4").unwrap();
    let before = world.customer.clone();
    let ask = |text: &str| {
        let request = usage_request(text);
        estimate_usage(&world.customer, &world.catalog, &request, world.now).unwrap()
    };
    let cost = |text: &str| {
        let estimate = ask(text);
        (estimate.costs[0].cost.to_string(), estimate.costs[0].balance.to_string())
    };
    assert_eq!(cost("calls 3"), ("30".to_owned(), "60".to_owned()));
    assert_eq!(cost("calls 30"), ("300".to_owned(), "60".to_owned()));
    assert_eq!(cost("calls 1 set"), ("-30".to_owned(), "60".to_owned()));
    assert!(ask("free 1").is_free && ask("free 1").costs.is_empty());
    assert!(ask("unheard-of 1").is_unknown);
    let event = |text: &str| {
        estimate_event(&world.customer, &world.catalog, &event_request(text), world.now).unwrap()
    };
    assert_eq!(event("job a=3").costs[0].cost, amount("6"));
    assert_eq!(event("job").costs[0].features[0].missing_dimensions, ["a"]);
    assert!(event("other").is_unknown);
    assert_eq!(world.customer, before, "nothing is recorded");
}

#[test]
fn usage_stands_at_nothing_once_its_period_is_over() {
    let mut world = World::new(catalog("feature f incremental\n plan base f=9:month"));
    step(&mut world, "2026-03-01 subscribe base").unwrap();
    step(&mut world, "report f 4").unwrap();
    let standing = |world: &World| {
        let known = &world.catalog.features[&feature("f")];
        usage_standing(&world.customer, &world.catalog, known, None, world.now)
    };
    assert_eq!(standing(&world).value, amount("4"));
    feature_step(&mut world, "2026-04-01 wait").unwrap();
    assert_eq!(standing(&world).value, Amount::ZERO);
    assert!(standing(&world).restart.is_some());
}

#[test]
fn more_different_values_than_are_told_apart_are_refused() {
    use stipend_core::limits::USAGE_VALUES_MAX;
    let mut world = World::new(catalog("feature f incremental meter=unique:u"));
    for user in 0..USAGE_VALUES_MAX {
        step(&mut world, &format!("event e u=u{user}")).unwrap();
    }
    let refused = step(&mut world, "event e u=more").unwrap_err();
    assert!(matches!(refused, CustomerRejection::LimitReached { .. }), "{refused}");
    step(&mut world, "event e u=u7").unwrap();
}
