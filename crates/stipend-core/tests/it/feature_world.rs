//! The language of the tables about features: catalogs with features, promotions and questions.

use crate::support::{World, amount, at, currency, entitlement, lines, package, package_key};
use crate::support::{resource, run, words};
use stipend_core::catalog::{
    Aggregation, Behavior, Catalog, CatalogCommand, ChargeRow, Charges, Comparison, Condition,
    CreditRate, Document, Enforcement, EntitlementTerms, EnumValue, FeatureTerms, FeatureType,
    Meter, MeterType, Migration, NewEntitlement, NewFeature, NewPackage, NewProduct, PackageKind,
    PackagePatch, Pricing, ProductPatch, Reset, ResetPeriod, RoundUnits, Target,
    UnitTransformation, UsageReset,
};
use stipend_core::customer::{
    BillingPeriod, CustomerCommand, CustomerRejection, FeatureAccess, FeatureCheck,
    FeatureQuestion, NewPromotion, PromotionPeriod, check_feature, feature_access,
};
use stipend_core::{
    Amount, Cadence, FeatureId, Formula, PackageId, ProductId, SubscriptionNo, examples,
};

pub(crate) fn feature(id: &str) -> FeatureId {
    FeatureId::parse(id).expect("tables have sound ids")
}

/// A catalog with the lines of `text`, all published:
///
/// ```text
/// several
/// usage-reset never
/// feature calls incremental
/// feature tokens incremental meter=sum:n where=eventName:chat
/// feature words incremental per=1000:up
/// feature size number
/// feature sso boolean
/// feature region enum=eu,us,asia
/// plan base calls=100:month:soft sso region=eu,us credits=50/month rate:calls=2
/// plan child parent=base calls=unlimited
/// plan pro in=other calls=5
/// addon more calls=10:override:off
/// ```
///
/// `several` allows several subscriptions of a product. Every plan allows every add-on.
pub(crate) fn catalog(text: &str) -> Catalog {
    let mut catalog = examples::empty_catalog();
    let tokens = examples::new_credit_type(currency("tokens"));
    run(&mut catalog, &CatalogCommand::CreateCreditType(tokens));
    let other = ProductId::parse("other").expect("sound");
    let other = NewProduct {
        id: other,
        name: "Other".to_owned(),
        description: None,
        metadata: Default::default(),
        multiple_subscriptions: false,
    };
    run(&mut catalog, &CatalogCommand::CreateProduct(other));
    let text = text.replace(';', "\n");
    let mut packages = Vec::new();
    for line in lines(&text) {
        if let Some(rule) = line.strip_prefix("usage-reset ") {
            run(&mut catalog, &usage_reset(rule));
        } else if line == "several" {
            let patch = ProductPatch { multiple_subscriptions: Some(true), ..Default::default() };
            run(&mut catalog, &CatalogCommand::UpdateProduct(examples::product(), patch));
        } else if let Some(rest) = line.strip_prefix("feature ") {
            run(&mut catalog, &CatalogCommand::CreateFeature(Box::new(new_feature(rest))));
        } else {
            let key = package_key(&mut words(line));
            let product = words(line).find(|(word, _)| *word == "in").and_then(|(_, id)| id);
            let product = product.map_or_else(examples::product, |id| {
                ProductId::parse(id).expect("tables have sound ids")
            });
            let new = NewPackage { product, ..examples::new_package(key.clone()) };
            run(&mut catalog, &CatalogCommand::CreatePackage(new));
            packages.push((key, line));
        }
    }
    let addons: Vec<PackageId> = packages
        .iter()
        .filter(|(key, _)| key.kind == PackageKind::Addon)
        .map(|(key, _)| key.id.clone())
        .collect();
    for (key, line) in packages {
        let is_of_example = catalog.packages[&key].product == examples::product();
        let addons = Some(addons.clone()).filter(|_| is_of_example);
        let mut patch = PackagePatch { compatible_addons: Some(addons), ..PackagePatch::default() };
        let mut entitlements = Vec::new();
        let mut rates = Vec::new();
        for word in words(line).skip(2) {
            match word {
                ("in", _) => {}
                ("parent", Some(parent)) => patch.parent = Some(Some(package(parent))),
                ("credits", Some(rate)) => {
                    entitlements.push(entitlement(examples::credits(), rate));
                }
                (id, value) => match id.strip_prefix("rate:") {
                    Some(id) => rates.push(credit_rate(id, value.expect("a rate"))),
                    None => entitlements.push(feature_entitlement(id, value.unwrap_or("-"))),
                },
            }
        }
        if !rates.is_empty() {
            patch.charges = Some(priced(rates));
        }
        run(&mut catalog, &CatalogCommand::AddEntitlements(key.clone(), entitlements));
        run(&mut catalog, &CatalogCommand::UpdatePackage(key.clone(), Box::new(patch)));
        run(&mut catalog, &CatalogCommand::Publish(key, Migration::NewCustomers));
    }
    catalog
}

/// The prices of a package.
pub(crate) fn priced(rates: Vec<CreditRate>) -> (Pricing, Charges) {
    let row = ChargeRow { created_at: examples::START, row: Document("{}".to_owned()) };
    (Pricing::Paid, Charges { rows: vec![row], rates, overage: Vec::new() })
}

/// `never`, `with-the-anchor`
fn usage_reset(rule: &str) -> CatalogCommand {
    let rule = match rule {
        "never" => UsageReset::Never,
        "with-the-anchor" => UsageReset::BillingPeriodChange,
        other => panic!("no rule {other}"),
    };
    let patch = ProductPatch { usage_reset: Some(rule), ..Default::default() };
    CatalogCommand::UpdateProduct(examples::product(), patch)
}

/// `calls incremental [per=1000:up]`, `size number`, `sso boolean`, `region enum=eu,us`
fn new_feature(text: &str) -> NewFeature {
    let (id, rest) = text.split_once(' ').expect("a feature has a type");
    let mut new = examples::new_feature(feature(id));
    for word in words(rest) {
        match word {
            ("incremental", None) => new.meter_type = MeterType::Incremental,
            ("fluctuating", None) => new.meter_type = MeterType::Fluctuating,
            ("number", None) => {}
            ("meter", Some(aggregation)) => new.meter = Some(meter(aggregation)),
            ("where", Some(filters)) => {
                let meter = new.meter.as_mut().expect("a filter is one of a meter");
                meter.filters = filters.split('|').map(|filter| vec![condition(filter)]).collect();
            }
            ("boolean", None) => new.feature_type = FeatureType::Boolean,
            ("enum", Some(values)) => {
                new.feature_type = FeatureType::Enum;
                let value =
                    |text: &str| EnumValue { value: text.to_owned(), name: text.to_owned() };
                new.enum_values = Some(values.split(',').map(value).collect());
            }
            ("per", Some(units)) => {
                let (divide, round) = units.split_once(':').expect("N:up|down");
                new.unit_transformation = Some(UnitTransformation {
                    divide: amount(divide),
                    round: if round == "up" { RoundUnits::Up } else { RoundUnits::Down },
                    units: None,
                    units_plural: None,
                });
            }
            other => panic!("no option {other:?}"),
        }
    }
    new
}

/// `count`, `sum:tokens`, `max:size`, `min:size`, `avg:size`, `unique:user`
fn meter(text: &str) -> Meter {
    let (function, field) = text.split_once(':').unwrap_or((text, ""));
    let field = field.to_owned();
    let aggregation = match function {
        "count" => Aggregation::Count,
        "sum" => Aggregation::Sum(field),
        "max" => Aggregation::Max(field),
        "min" => Aggregation::Min(field),
        "avg" => Aggregation::Avg(field),
        "unique" => Aggregation::Unique(field),
        other => panic!("no aggregation {other}"),
    };
    Meter { aggregation, filters: Vec::new(), document: Document(String::new()) }
}

/// `FIELD:VALUE`
fn condition(text: &str) -> Condition {
    let (field, value) = text.split_once(':').expect("FIELD:VALUE");
    Condition {
        field: field.to_owned(),
        comparison: Comparison::Equals,
        values: vec![value.to_owned()],
    }
}

/// `2`, `2:tokens`, `1.5:formula` with the formula `a*2`, `0:~1.1*a`.
pub(crate) fn credit_rate(id: &str, text: &str) -> CreditRate {
    let (rate, rest) = text.split_once(':').unwrap_or((text, ""));
    CreditRate {
        feature: feature(id),
        billing_period: BillingPeriod::Monthly,
        currency: if rest == "tokens" { currency("tokens") } else { examples::credits() },
        amount: amount(rate),
        formula: match rest.strip_prefix('~') {
            Some(text) => Some(Formula::parse(text).expect("tables have sound formulas")),
            None if rest == "formula" => Formula::parse("a*2").ok(),
            None => None,
        },
    }
}

fn feature_entitlement(id: &str, text: &str) -> NewEntitlement {
    let mut new = NewEntitlement {
        target: Target::Feature(feature(id)),
        terms: EntitlementTerms::Feature(feature_terms(text)),
        ..examples::credit_entitlement(examples::credits(), None, Cadence::Month)
    };
    for flag in text.split(':') {
        match flag {
            "override" => new.behavior = Behavior::Override,
            "off" => new.granted = false,
            _ => {}
        }
    }
    new
}

/// `100:month:soft`, `unlimited`, `eu,us`, `-`
pub(crate) fn feature_terms(text: &str) -> FeatureTerms {
    let mut terms = FeatureTerms::default();
    let mut parts = text.split(':');
    match parts.next().expect("a text has a first part") {
        "-" => {}
        "unlimited" => terms.unlimited = Some(true),
        limit => match Amount::parse_exact(limit) {
            Ok(limit) => terms.usage_limit = Some(limit),
            Err(_) => terms.enum_values = Some(limit.split(',').map(str::to_owned).collect()),
        },
    }
    let reset = |period| Some(Reset { period, according_to: None });
    for flag in parts {
        match flag {
            "soft" => terms.soft_limit = Some(true),
            "SOFT" => terms.enforcement = Some(Enforcement::Soft),
            "HARD" => terms.enforcement = Some(Enforcement::Hard),
            "STRICT" => terms.enforcement = Some(Enforcement::Strict),
            "year" => terms.reset = reset(ResetPeriod::Year),
            "month" => terms.reset = reset(ResetPeriod::Month),
            "week" => terms.reset = reset(ResetPeriod::Week),
            "day" => terms.reset = reset(ResetPeriod::Day),
            "hour" => terms.reset = reset(ResetPeriod::Hour),
            "from-the-first" | "from-monday" => {
                let from = if flag == "from-monday" { "EveryMonday" } else { "StartOfTheMonth" };
                let reset = terms.reset.as_mut().expect("an anchor is one of a reset");
                reset.according_to = Some(from.to_owned());
            }
            "override" | "off" => {}
            other => panic!("no flag {other:?}"),
        }
    }
    terms
}

/// The world after steps that are separated by `;`; besides those of [`World::step`]:
/// `[DATE] promote FEATURE TERMS PERIOD` and `[DATE] revoke FEATURE`.
pub(crate) fn world(catalog_text: &str, steps: &str) -> World {
    let mut world = World::new(catalog(catalog_text));
    for line in lines(&steps.replace(';', "\n")) {
        if let Err(why) = step(&mut world, line) {
            panic!("{line}: refused: {why}");
        }
    }
    world
}

/// Carries out one step.
pub(crate) fn step(world: &mut World, line: &str) -> Result<(), CustomerRejection> {
    let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
    let is_date = first.starts_with("20");
    let command = if is_date { rest } else { line };
    let own = if let Some(rest) = command.strip_prefix("promote ") {
        Some(CustomerCommand::GrantPromotions(rest.split(" + ").map(promotion).collect()))
    } else {
        let revoked = command.strip_prefix("revoke ");
        revoked.map(|id| CustomerCommand::RevokePromotion(feature(id)))
    };
    let Some(own) = own else {
        world.step(line);
        return world.refused.clone().map_or(Ok(()), Err);
    };
    if is_date {
        world.advance(at(first));
    }
    world.carry_out(&own).map(drop)
}

/// `FEATURE TERMS PERIOD`, where the period is `1week`, `1month`, `6month`, `1year`, `lifetime` or a
/// date.
pub(crate) fn promotion(text: &str) -> NewPromotion {
    let [id, terms, period] = text.split_whitespace().collect::<Vec<_>>()[..] else {
        panic!("{text}: FEATURE TERMS PERIOD");
    };
    let (period, ends_at) = match period {
        "1week" => (PromotionPeriod::OneWeek, None),
        "1month" => (PromotionPeriod::OneMonth, None),
        "6month" => (PromotionPeriod::SixMonths, None),
        "1year" => (PromotionPeriod::OneYear, None),
        "lifetime" => (PromotionPeriod::Lifetime, None),
        date => (PromotionPeriod::Custom, Some(at(date))),
    };
    let (feature, terms) = (feature(id), feature_terms(terms));
    NewPromotion { feature, terms, is_visible: true, period, ends_at }
}

/// `LIMIT|unlimited [soft|strict] [each month] [a,b]`, or `nothing`.
pub(crate) fn tell_access(access: Option<&FeatureAccess>) -> String {
    let Some(access) = access else { return "nothing".to_owned() };
    let limit = access.limit.map_or("unlimited".to_owned(), |limit| limit.to_string());
    let enforcement = match access.enforcement {
        Enforcement::Soft => " soft",
        Enforcement::Hard => "",
        Enforcement::Strict => " strict",
    };
    let reset = access.reset.as_ref().map_or("", |reset| match reset.period {
        ResetPeriod::Year => " each year",
        ResetPeriod::Month => " each month",
        ResetPeriod::Week => " each week",
        ResetPeriod::Day => " each day",
        ResetPeriod::Hour => " each hour",
    });
    let values = access.enum_values.join(",");
    format!("{limit}{enforcement}{reset} {values}").trim().to_owned()
}

pub(crate) fn access(world: &World, id: &str) -> String {
    let access = feature_access(&world.customer, &world.catalog, &feature(id), None, world.now);
    tell_access(access.as_ref())
}

/// `FEATURE [N|a,b] [on=RESOURCE] [spent=N]`
pub(crate) fn ask(world: &World, line: &str) -> FeatureCheck {
    let mut words = words(line);
    let (id, _) = words.next().expect("a question names a feature");
    let (mut on, mut usage, mut values, mut spent) = (None, None, Vec::new(), Vec::new());
    for word in words {
        match word {
            ("on", Some(id)) => on = Some(resource(id)),
            ("spent", Some(number)) => {
                spent.push(SubscriptionNo(number.parse().expect("a number")));
            }
            (asked, _) => match Amount::parse_exact(asked) {
                Ok(asked) => usage = Some(asked),
                Err(_) => values = asked.split(',').collect(),
            },
        }
    }
    let question = FeatureQuestion { resource: on.as_ref(), usage, values: &values, spent: &spent };
    check_feature(&world.customer, &world.catalog, &feature(id), &question, world.now)
}

pub(crate) fn tell(check: &FeatureCheck) -> String {
    check.denial.map_or("granted".to_owned(), |denial| format!("{denial:?}"))
}

/// `question => granted|denial`, line by line.
pub(crate) fn check_answers(world: &World, table: &str) {
    for line in lines(table) {
        let (question, expected) = line.split_once("=>").unwrap();
        assert_eq!(tell(&ask(world, question.trim())), expected.trim(), "{line}");
    }
}
