//! The language of the tables: catalogs and steps as text, balances and entries as text.

use crate::feature_world::{credit_rate, priced};
use std::fmt::Write as _;
use stipend_core::catalog::{
    Alignment, Behavior, CancellationTime, Catalog, CatalogCommand, Charges, CreditProration,
    EndSetup, Enforcement, EntitlementTerms, FeatureTerms, Migration, NewEntitlement, PackageKey,
    PackageKind, PackagePatch, Pricing, ProductPatch, ProductSettings, Settings, StartSetup,
    Target, TrialConfig, TrialEnd, TrialUnit, UsageReset,
};
use stipend_core::customer::{
    BillingPeriod, CancelTime, ConsumeRequest, CreditOverride, Customer, CustomerCommand,
    CustomerRejection, Decision, Draw, Effect, Entry, ExtendRequest, FeatureQuantity, GrantEnd,
    GrantKind, HoldEnd, HoldEnded, HoldTerm, NewGrant, Pool, PoolEntry, ProvisionRequest,
    ReleaseRequest, ReverseRequest, Schedule, SubscriptionCommand, SubscriptionPatch, TrialRequest,
    decide, roll_forward,
};
use stipend_core::{
    Amount, Cadence, CurrencyId, FeatureId, GrantNo, PackageId, ReservationId, ResourceId,
    SubscriptionId, SubscriptionNo, Timestamp, Zone, examples,
};

pub(crate) fn amount(text: &str) -> Amount {
    Amount::parse_exact(text).unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

/// A date, or a date-time in full.
pub(crate) fn at(text: &str) -> Timestamp {
    find_instant(text).unwrap_or_else(|| panic!("no instant: {text:?}"))
}

fn find_instant(text: &str) -> Option<Timestamp> {
    Timestamp::parse(text).or_else(|_| Timestamp::parse(&format!("{text}T00:00:00Z"))).ok()
}

/// The date alone at midnight, else the date-time.
pub(crate) fn show(instant: Timestamp) -> String {
    let text = instant.to_string();
    text.trim_end_matches("T00:00:00.000Z").replace(".000Z", "Z")
}

pub(crate) fn package(id: &str) -> PackageId {
    PackageId::parse(id).expect("tables have sound ids")
}

pub(crate) fn currency(id: &str) -> CurrencyId {
    CurrencyId::parse(id).expect("tables have sound ids")
}

pub(crate) fn resource(id: &str) -> ResourceId {
    ResourceId::parse(id).expect("tables have sound ids")
}

/// The lines of a table without indentation and blank lines.
pub(crate) fn lines(table: &str) -> impl Iterator<Item = &str> {
    table.lines().map(str::trim).filter(|line| !line.is_empty())
}

/// The words of a line, `name=value` split.
pub(crate) fn words(line: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    line.split_whitespace().map(|word| match word.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (word, None),
    })
}

/// `100/month`, `null/year:override:off:soft`, `5/month:strict`.
pub(crate) fn entitlement(currency: CurrencyId, text: &str) -> NewEntitlement {
    let mut parts = text.split(':');
    let (amount_text, cadence_text) =
        parts.next().and_then(|rate| rate.split_once('/')).unwrap_or_else(|| panic!("{text:?}"));
    let given = (amount_text != "null").then(|| amount(amount_text));
    let mut new = examples::credit_entitlement(currency, given, cadence(cadence_text));
    for flag in parts {
        match flag {
            "override" => new.behavior = Behavior::Override,
            "off" => new.granted = false,
            "soft" => {
                if let EntitlementTerms::Credit(terms) = &mut new.terms {
                    terms.soft_limit = Some(true);
                }
            }
            "hard" | "strict" => {
                if let EntitlementTerms::Credit(terms) = &mut new.terms {
                    let is_strict = flag == "strict";
                    let stated = if is_strict { Enforcement::Strict } else { Enforcement::Hard };
                    terms.enforcement = Some(stated);
                }
            }
            "per-seat" => {
                if let EntitlementTerms::Credit(terms) = &mut new.terms {
                    terms.per_unit_of = Some(seats());
                }
            }
            other => panic!("no flag {other:?}"),
        }
    }
    new
}

/// The feature whose units multiply credits.
pub(crate) fn seats() -> FeatureId {
    FeatureId::parse("seats").expect("sound")
}

/// `limit=5`: so many seats.
fn seat_limit(text: &str) -> NewEntitlement {
    let terms = FeatureTerms { usage_limit: Some(amount(text)), ..Default::default() };
    NewEntitlement {
        target: Target::Feature(seats()),
        terms: EntitlementTerms::Feature(terms),
        ..examples::credit_entitlement(examples::credits(), None, Cadence::Month)
    }
}

/// `14d`, `1m:cancels`.
fn default_trial(text: &str) -> TrialConfig {
    let (length, end) = text.split_once(':').unwrap_or((text, ""));
    let (number, unit) = length.split_at(length.len() - 1);
    TrialConfig {
        duration: amount(number),
        units: if unit == "d" { TrialUnit::Day } else { TrialUnit::Month },
        budget: None,
        end: (end == "cancels").then_some(TrialEnd::CancelSubscription),
    }
}

/// `settings [zone=NAME] [prorate] [month-aligned]`
fn settings(text: &str) -> Settings {
    let mut settings = Settings::default();
    for word in words(text) {
        match word {
            ("zone", Some(name)) => settings.zone = Some(Zone::parse(name).expect("a zone")),
            ("prorate", None) => settings.proration = CreditProration::Prorate,
            ("month-aligned", None) => settings.alignment = Alignment::StartOfMonth,
            other => panic!("no setting {other:?}"),
        }
    }
    settings
}

/// `product [reset=never|change] [cancel=at-period-end] [after=PLAN]`
fn product_patch(text: &str) -> ProductPatch {
    let mut patch = ProductPatch::default();
    let mut settings = ProductSettings {
        cancellation_time: CancellationTime::Immediate,
        end_setup: EndSetup::CancelSubscription,
        start_setup: StartSetup::PlanSelection,
        downgrade_plan: None,
        prorate_at_end: None,
        start_plan: None,
    };
    for word in words(text) {
        match word {
            ("reset", Some("never")) => patch.usage_reset = Some(UsageReset::Never),
            ("reset", Some("change")) => patch.usage_reset = Some(UsageReset::BillingPeriodChange),
            ("cancel", Some("at-period-end")) => {
                settings.cancellation_time = CancellationTime::EndOfBillingPeriod;
                patch.settings = Some(settings.clone());
            }
            ("after", Some(plan)) => {
                settings.end_setup = EndSetup::DowngradeToFree;
                settings.downgrade_plan = Some(package(plan));
                patch.settings = Some(settings.clone());
            }
            other => panic!("no option {other:?}"),
        }
    }
    patch
}

fn cadence(text: &str) -> Cadence {
    match text {
        "month" => Cadence::Month,
        "year" => Cadence::Year,
        other => panic!("no cadence {other:?}"),
    }
}

pub(crate) fn run(catalog: &mut Catalog, command: &CatalogCommand) {
    examples::change(catalog, command, examples::START).expect("tables have sound catalogs");
}

/// A catalog with the credit types `api-credits` and `tokens` and a package for each line:
///
/// ```text
/// plan base 100/month
/// plan child parent=base tokens=5/year custom draft
/// plan alone alone 5/month
/// addon tier 500/month:override max=1 needs=other
/// ```
///
/// Every plan allows every add-on of the text unless `alone`. All are published unless `draft`.
/// Plans may be `free` or `paid`, have a default trial (`trial=14d`, `trial=1m:cancels`) and seats
/// (`limit=5`, with credits for each: `10/month:per-seat`). Lines that begin with `settings` and
/// `product` set those.
pub(crate) fn catalog(text: &str) -> Catalog {
    let mut catalog = examples::empty_catalog();
    let tokens = examples::new_credit_type(currency("tokens"));
    run(&mut catalog, &CatalogCommand::CreateCreditType(tokens));
    run(&mut catalog, &CatalogCommand::CreateFeature(Box::new(examples::new_feature(seats()))));
    for line in lines(text) {
        if let Some(rest) = line.strip_prefix("settings ") {
            run(&mut catalog, &CatalogCommand::Set(settings(rest)));
        }
    }
    let products = lines(text).filter_map(|line| line.strip_prefix("product "));
    let products: Vec<ProductPatch> = products.map(product_patch).collect();
    let text = lines(text).filter(|line| line.starts_with("plan ") || line.starts_with("addon "));
    let text = &text.collect::<Vec<_>>().join("\n");
    let addons: Vec<PackageId> = lines(text)
        .filter_map(|line| line.strip_prefix("addon "))
        .filter_map(|rest| rest.split_whitespace().next().map(package))
        .collect();
    for line in lines(text) {
        let key = package_key(&mut words(line));
        run(&mut catalog, &CatalogCommand::CreatePackage(examples::new_package(key)));
    }
    for line in lines(text) {
        fill_package(&mut catalog, line, &addons);
    }
    for patch in products {
        run(&mut catalog, &CatalogCommand::UpdateProduct(examples::product(), patch));
    }
    catalog
}

pub(crate) fn package_key<'a>(
    words: &mut impl Iterator<Item = (&'a str, Option<&'a str>)>,
) -> PackageKey {
    let (kind, _) = words.next().expect("a line has words");
    let (id, _) = words.next().expect("a package has an id");
    let kind = if kind == "plan" { PackageKind::Plan } else { PackageKind::Addon };
    PackageKey { kind, id: package(id) }
}

fn fill_package(catalog: &mut Catalog, line: &str, addons: &[PackageId]) {
    let mut words = words(line);
    let key = package_key(&mut words);
    let mut patch =
        PackagePatch { compatible_addons: Some(Some(addons.to_vec())), ..Default::default() };
    let mut entitlements = Vec::new();
    let mut is_published = true;
    for word in words {
        match word {
            ("parent", Some(parent)) => patch.parent = Some(Some(package(parent))),
            ("max", Some(max)) => patch.max_quantity = Some(Some(max.parse().expect("a number"))),
            ("needs", Some(needs)) => {
                patch.dependencies = Some(Some(needs.split(',').map(package).collect()));
            }
            ("custom", None) => patch.charges = Some((Pricing::Custom, Charges::default())),
            ("free", None) => patch.charges = Some((Pricing::Free, Charges::default())),
            ("paid", None) => patch.charges = Some((Pricing::Paid, Charges::default())),
            ("trial", Some(trial)) => patch.trial = Some(Some(default_trial(trial))),
            ("limit", Some(limit)) => entitlements.push(seat_limit(limit)),
            ("draft", None) => is_published = false,
            ("alone", None) => patch.compatible_addons = None,
            (rate, None) => entitlements.push(entitlement(examples::credits(), rate)),
            (id, Some(rate)) => entitlements.push(entitlement(currency(id), rate)),
        }
    }
    run(catalog, &CatalogCommand::AddEntitlements(key.clone(), entitlements));
    run(catalog, &CatalogCommand::UpdatePackage(key.clone(), Box::new(patch)));
    if is_published {
        run(catalog, &CatalogCommand::Publish(key, Migration::NewCustomers));
    }
}

/// A customer, the catalog it lives with, and everything that happened to it.
pub(crate) struct World {
    pub(crate) catalog: Catalog,
    pub(crate) customer: Customer,
    pub(crate) now: Timestamp,
    /// Every entry since the beginning.
    pub(crate) entries: Vec<Entry>,
    /// The entries of the last step begin here.
    pub(crate) step_from: usize,
    /// Why the last step was refused.
    pub(crate) refused: Option<CustomerRejection>,
}

impl World {
    pub(crate) fn new(catalog: Catalog) -> Self {
        let customer = examples::customer();
        let now = examples::START;
        Self { catalog, customer, now, entries: Vec::new(), step_from: 0, refused: None }
    }

    /// Runs the steps of a table, one line each.
    pub(crate) fn after(catalog_text: &str, steps: &str) -> Self {
        let mut world = Self::new(catalog(catalog_text));
        for line in lines(steps) {
            let state = world.step(line);
            assert!(!state.starts_with("refused"), "{line}: {state}");
        }
        world
    }

    /// What is due up to that instant happens; once there is history, time never runs backwards.
    pub(crate) fn advance(&mut self, now: Timestamp) {
        self.now = if self.entries.is_empty() { now } else { self.now.max(now) };
        let due = roll_forward(&self.customer, &self.catalog, self.now);
        self.fold(due);
        let again = roll_forward(&self.customer, &self.catalog, self.now);
        assert!(again.is_empty(), "what is due is done once");
    }

    pub(crate) fn carry_out(
        &mut self,
        command: &CustomerCommand,
    ) -> Result<Decision, CustomerRejection> {
        let decision = decide(&self.customer, &self.catalog, command, self.now)?;
        self.fold(decision.entries.clone());
        Ok(decision)
    }

    fn fold(&mut self, entries: Vec<Entry>) {
        for entry in entries {
            self.customer.apply(&entry);
            self.entries.push(entry);
        }
        for pool in &self.customer.pools {
            pool.verify().expect("the sums of a pool agree with its grants");
        }
        self.customer.verify_usages().expect("meters remember no more than grants gave");
    }

    /// The balance is the sum of the entries, and the customer is their fold.
    pub(crate) fn assert_read_is_replay(&self) {
        let mut again = examples::customer();
        for entry in &self.entries {
            again.apply(entry);
        }
        assert_eq!(again, self.customer, "replaying the entries gives the customer");
        for pool in &self.customer.pools {
            let entries = pool_entries(&self.entries);
            let sum: Amount =
                entries.filter(|entry| entry.pool == pool.id).map(PoolEntry::delta).sum();
            assert_eq!(sum, pool.balance(), "the sum of the entries is the balance");
        }
    }

    /// The pool of the example's credit type that belongs to the customer itself.
    pub(crate) fn pool(&self) -> Option<&Pool> {
        self.customer.find_pool(&examples::credits(), None)
    }

    /// Carries out `[DATE] VERB …` and says what is left, or why it was refused.
    pub(crate) fn step(&mut self, line: &str) -> String {
        self.step_from = self.entries.len();
        let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
        let line = match find_instant(first) {
            Some(now) => {
                self.advance(now);
                rest
            }
            None => line,
        };
        self.refused = None;
        if let Some(name) = line.strip_prefix("retire ") {
            self.retire(name);
        } else if let Some(package) = line.strip_prefix("publish ") {
            self.publish(package);
        } else if !line.is_empty() && line != "wait" {
            let command = self.command(line);
            self.refused = self.carry_out(&command).err();
        }
        self.refused.as_ref().map_or_else(|| self.state(), |why| format!("refused: {why}"))
    }

    /// `retire product`, `retire credits`, `retire plan ID`, `retire addon ID`: archives it.
    fn retire(&mut self, name: &str) {
        let command = match name {
            "product" => CatalogCommand::ArchiveProduct(examples::product()),
            "credits" => CatalogCommand::ArchiveCreditType(examples::credits()),
            package => CatalogCommand::ArchivePackage(package_key(&mut words(package))),
        };
        run(&mut self.catalog, &command);
    }

    /// `plan ID RATE… [parent=ID|parent=none]`: the next version gives that instead of what the last
    /// one gave.
    fn publish(&mut self, line: &str) {
        let mut words = words(line);
        let key = package_key(&mut words);
        let mut publish = |command: CatalogCommand| {
            examples::change(&mut self.catalog, &command, self.now).expect("it can be published");
        };
        publish(CatalogCommand::OpenDraft(key.clone()));
        let draft = self.catalog.packages[&key].shown().entitlements.clone();
        let mut publish = |command: CatalogCommand| {
            examples::change(&mut self.catalog, &command, self.now).expect("it can be published");
        };
        for entitlement in draft {
            publish(CatalogCommand::RemoveEntitlement(key.clone(), entitlement.target));
        }
        let (mut new, mut rates) = (Vec::new(), Vec::new());
        for word in words {
            match word {
                ("limit", Some(limit)) => new.push(seat_limit(limit)),
                (id, Some(rate)) if id.starts_with("rate:") => {
                    rates.push(credit_rate(id.trim_start_matches("rate:"), rate));
                }
                ("parent", Some(parent)) => {
                    let parent = Some((parent != "none").then(|| package(parent)));
                    let patch = PackagePatch { parent, ..Default::default() };
                    publish(CatalogCommand::UpdatePackage(key.clone(), Box::new(patch)));
                }
                (rate, None) => new.push(entitlement(examples::credits(), rate)),
                (id, Some(rate)) => new.push(entitlement(currency(id), rate)),
            }
        }
        publish(CatalogCommand::AddEntitlements(key.clone(), new));
        if !rates.is_empty() {
            let patch = PackagePatch { charges: Some(priced(rates)), ..Default::default() };
            publish(CatalogCommand::UpdatePackage(key.clone(), Box::new(patch)));
        }
        publish(CatalogCommand::Publish(key, Migration::NewCustomers));
    }

    /// `balance [overdraft N] [carried N] [scheduled N] [reserved N] [aside N] [unbacked N]`, all
    /// but the first where there is any.
    pub(crate) fn state(&self) -> String {
        let mut text = self.pool().map_or(Amount::ZERO, Pool::balance).to_string();
        let overdraft =
            self.pool().and_then(|pool| pool.overdraft).map(|overdraft| overdraft.amount);
        let carried = self.customer.subscriptions.iter().filter(|one| one.terms.is_active());
        let carried = carried.map(|one| one.carried_at(&examples::credits(), self.now)).sum();
        let scheduled = self
            .pool()
            .map_or(Amount::ZERO, |pool| pool.scheduled.iter().map(|grant| grant.amount).sum());
        for (name, amount) in [
            ("overdraft", overdraft.unwrap_or_default()),
            ("carried", carried),
            ("scheduled", scheduled),
            ("reserved", self.pool().map_or(Amount::ZERO, Pool::reserved)),
            ("aside", self.pool().map_or(Amount::ZERO, Pool::reserved_on_lapsed)),
            ("unbacked", self.unbacked()),
        ] {
            if !amount.is_zero() {
                write!(text, " {name} {amount}").expect("text takes text");
            }
        }
        text
    }

    fn unbacked(&self) -> Amount {
        let holds = self.pool().map_or(&[][..], |pool| &pool.holds);
        holds.iter().map(stipend_core::customer::Hold::unbacked).sum()
    }

    pub(crate) fn command(&self, line: &str) -> CustomerCommand {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let last = u32::try_from(self.customer.subscriptions.len()).expect("few").max(1) - 1;
        let number = SubscriptionNo(last);
        match verb {
            "subscribe" => CustomerCommand::Provision(Box::new(provision(rest))),
            "set" => {
                let patch = SubscriptionPatch { addons: Some(addons(rest)), ..Default::default() };
                update(number, patch)
            }
            "patch" => update(number, patch(rest)),
            "agree" => {
                let overrides = Some(rest.split_whitespace().map(agreed).collect());
                let patch = SubscriptionPatch { overrides, ..Default::default() };
                update(number, patch)
            }
            "cancel" | "revoke" => {
                let time = match rest {
                    "" | "now" => CancelTime::Now,
                    "at-period-end" => CancelTime::PeriodEnd,
                    "as-planned" => CancelTime::AsPlanned,
                    date => CancelTime::At(at(date)),
                };
                let command = match verb {
                    "revoke" => SubscriptionCommand::Revoke(time),
                    _ => SubscriptionCommand::Cancel(time),
                };
                CustomerCommand::Subscription(number, command)
            }
            "unschedule" => CustomerCommand::Subscription(number, SubscriptionCommand::Unschedule),
            "migrate" => {
                let when = find_schedule(rest).unwrap_or_default();
                CustomerCommand::Subscription(number, SubscriptionCommand::Migrate(when))
            }
            "migrate-to" => {
                let key = package_key(&mut words(rest));
                let latest = self.catalog.packages[&key].latest().expect("published").version;
                CustomerCommand::MigrateTo(key, latest)
            }
            "transfer" => {
                let to = SubscriptionCommand::Transfer(resource(rest));
                CustomerCommand::Subscription(number, to)
            }
            "archive" => CustomerCommand::Archive,
            "unarchive" => CustomerCommand::Unarchive,
            "use" | "strict" => CustomerCommand::Consume(ConsumeRequest {
                strict: verb == "strict",
                ..examples::consumption(amount(rest))
            }),
            "reverse" if rest == "last" => self.reversal_of(self.entries.len() - 1),
            "reverse" => self.reversal(rest.parse().expect("the number of a consumption")),
            "reserve" => reserve(rest),
            "release" => release(rest),
            "extend" => extend(rest),
            "grant" => CustomerCommand::Grant(Box::new(grant(rest))),
            "void" => {
                let pool = self.pool().expect("there is a pool to void in").id;
                CustomerCommand::VoidGrant(pool, GrantNo(rest.parse().expect("a number")))
            }
            other => panic!("no verb {other:?}"),
        }
    }

    /// `reverse N`: the reversal of the consumption or release that was the Nth, counted from 1.
    pub(crate) fn reversal(&self, which: usize) -> CustomerCommand {
        let places = 0..self.entries.len();
        let entry = |place: &usize| pool_entry(&self.entries[*place]);
        let is_consumed = |entry: &PoolEntry| entry.is_consumption() || entry.is_reversible();
        let is_one = |place: &usize| entry(place).is_some_and(is_consumed);
        let place = places.filter(is_one).nth(which - 1).expect("it was consumed");
        self.reversal_of(place)
    }

    /// `reverse last`: the reversal of an entry, whatever it is.
    fn reversal_of(&self, place: usize) -> CustomerCommand {
        let consumed = pool_entry(&self.entries[place]).expect("it is a pool's").clone();
        let later = pool_entries(&self.entries[place + 1..]);
        let of_pool = later.filter(|later| later.pool == consumed.pool);
        let since = of_pool.filter(|later| !later.is_usage()).cloned().collect();
        CustomerCommand::Reverse(Box::new(ReverseRequest {
            of: place as u64,
            consumed,
            since,
            idempotency_key: None,
            reason: None,
        }))
    }

    /// What the last step did to the pools, an entry a line.
    pub(crate) fn told(&self) -> String {
        let entries = pool_entries(&self.entries[self.step_from..]);
        entries.map(tell).collect::<Vec<_>>().join("\n")
    }
}

/// The changes of pools among the entries.
pub(crate) fn pool_entries(entries: &[Entry]) -> impl Iterator<Item = &PoolEntry> {
    entries.iter().filter_map(pool_entry)
}

fn pool_entry(entry: &Entry) -> Option<&PoolEntry> {
    match entry {
        Entry::Pool(entry) => Some(entry),
        _ => None,
    }
}

fn addons(text: &str) -> Vec<(PackageId, u32)> {
    let quantity = |value: Option<&str>| value.map_or(1, |value| value.parse().expect("a number"));
    words(text).map(|(id, value)| (package(id), quantity(value))).collect()
}

/// `200/month`, or `tokens@5/year`.
fn agreed(text: &str) -> CreditOverride {
    let (id, rate) = text.split_once('@').unwrap_or(("api-credits", text));
    let (credits, every) = rate.split_once('/').expect("an agreed amount has a cadence");
    CreditOverride {
        currency: currency(id),
        amount: amount(credits),
        cadence: cadence(every),
        soft_limit: None,
    }
}

fn update(number: SubscriptionNo, patch: SubscriptionPatch) -> CustomerCommand {
    CustomerCommand::Subscription(number, SubscriptionCommand::Update(Box::new(patch)))
}

fn find_schedule(word: &str) -> Option<Schedule> {
    match word {
        "at-period-end" => Some(Schedule::PeriodEnd),
        "at-month-end" => Some(Schedule::MonthEnd),
        _ => None,
    }
}

fn find_billing_period(word: &str) -> Option<BillingPeriod> {
    match word {
        "annually" => Some(BillingPeriod::Annually),
        "monthly" => Some(BillingPeriod::Monthly),
        _ => None,
    }
}

fn quantity(text: &str) -> FeatureQuantity {
    let (feature, quantity) = text.split_once('*').expect("FEATURE*N");
    FeatureQuantity {
        feature: FeatureId::parse(feature).expect("sound"),
        quantity: quantity.parse().expect("a number"),
    }
}

/// `[at-period-end|at-month-end] [anchor-now] [annually|monthly] [ends=DATE|ends=never]
/// [trial-ends=DATE] [buy=FEATURE*N] [agree=RATE] [addons=ADDON*N,…|addons=none]`
fn patch(text: &str) -> SubscriptionPatch {
    let mut patch = SubscriptionPatch::default();
    for word in words(text) {
        match word {
            ("anchor-now", None) => patch.new_anchor = true,
            ("ends", Some("never")) => patch.ends = Some(None),
            ("ends", Some(end)) => patch.ends = Some(Some(at(end))),
            ("trial-ends", Some(end)) => patch.trial_ends = Some(at(end)),
            ("buy", Some(bought)) => {
                patch.quantities.get_or_insert_default().push(quantity(bought));
            }
            ("agree", Some(rate)) => patch.overrides.get_or_insert_default().push(agreed(rate)),
            ("addons", Some("none")) => patch.addons = Some(Vec::new()),
            ("addons", Some(list)) => {
                patch.addons = Some(addons(&list.replace(',', " ").replace('*', "=")));
            }
            (word, None) => match (find_schedule(word), find_billing_period(word)) {
                (Some(schedule), _) => patch.schedule = schedule,
                (None, Some(period)) => patch.billing_period = Some(period),
                (None, None) => panic!("no option {word:?}"),
            },
            other => panic!("no option {other:?}"),
        }
    }
    patch
}

/// `PLAN [from=DATE] [ends=DATE] [on=RESOURCE] [id=ID] [trial] [trial-until=DATE]
/// [trial-cancels=DATE] [no-trial] [at-period-end|at-month-end] [anchor-now] [annually]
/// [buy=FEATURE*N] [agree=RATE] ADDON[=N]…`; without an add-on, `keep` keeps those that are there.
fn provision(text: &str) -> ProvisionRequest {
    let (plan, rest) = text.split_once(' ').unwrap_or((text, ""));
    let mut request = ProvisionRequest { plan: package(plan), ..examples::provision(Vec::new()) };
    for word in words(rest) {
        match word {
            ("from", Some(start)) => request.start = Some(at(start)),
            ("on", Some(id)) => request.resource = Some(resource(id)),
            ("id", Some(id)) => request.id = SubscriptionId::parse(id).expect("sound"),
            ("agree", Some(rate)) => request.overrides.get_or_insert_default().push(agreed(rate)),
            ("trial", None) => {
                request.trial = TrialRequest::With { ends_at: None, end: None };
            }
            ("trial-until", Some(end)) => {
                let end = Some(at(end));
                request.trial = TrialRequest::With { ends_at: end, end: None };
            }
            ("trial-cancels", Some(end)) => {
                let (ends_at, end) = (Some(at(end)), Some(TrialEnd::CancelSubscription));
                request.trial = TrialRequest::With { ends_at, end };
            }
            ("no-trial", None) => request.trial = TrialRequest::Without,
            ("ends", Some(end)) => request.ends = Some(at(end)),
            ("anchor-now", None) => request.new_anchor = true,
            ("keep", None) => request.addons = None,
            ("buy", Some(bought)) => {
                request.quantities.get_or_insert_default().push(quantity(bought));
            }
            (word, None) if find_schedule(word).is_some() => {
                request.schedule = find_schedule(word).unwrap_or_default();
            }
            (word, None) if find_billing_period(word).is_some() => {
                request.billing_period = find_billing_period(word);
            }
            (id, value) => {
                let quantity = value.map_or(1, |value| value.parse().expect("a number"));
                request.addons.get_or_insert_default().push((package(id), quantity));
            }
        }
    }
    request
}

/// `paid|promo AMOUNT [prio=N] [from=DATE] [until=DATE]`
pub(crate) fn grant(text: &str) -> NewGrant {
    let mut words = words(text);
    let kind = match words.next() {
        Some(("paid", None)) => GrantKind::Paid,
        Some(("promo", None)) => GrantKind::Promotional,
        other => panic!("no kind {other:?}"),
    };
    let (credits, _) = words.next().expect("a grant has an amount");
    let mut new = examples::grant(kind, amount(credits));
    for word in words {
        match word {
            ("prio", Some(priority)) => new.priority = priority.parse().expect("a number"),
            ("from", Some(start)) => new.effective_at = Some(at(start)),
            ("until", Some(end)) => new.expires_at = Some(at(end)),
            other => panic!("no option {other:?}"),
        }
    }
    new
}

pub(crate) fn reservation(id: &str) -> ReservationId {
    ReservationId::parse(id).expect("tables have sound ids")
}

fn term(text: &str) -> HoldTerm {
    find_instant(text)
        .map_or_else(|| HoldTerm::Seconds(text.parse().expect("seconds")), HoldTerm::Until)
}

/// `ID AMOUNT [for=SECONDS|for=DATE]`, for an hour where it is not said.
fn reserve(text: &str) -> CustomerCommand {
    let mut words = words(text);
    let (id, _) = words.next().expect("a reservation has an id");
    let (credits, _) = words.next().expect("a reservation has an amount");
    let mut request = examples::reservation(id, amount(credits));
    for word in words {
        match word {
            ("for", Some(until)) => request.term = term(until),
            ("on", Some(id)) => request.resource = Some(resource(id)),
            other => panic!("no option {other:?}"),
        }
    }
    CustomerCommand::Reserve(request)
}

/// `ID CONSUMED [known]`
fn release(text: &str) -> CustomerCommand {
    let mut words = words(text);
    let (id, _) = words.next().expect("a reservation has an id");
    let (consumed, _) = words.next().expect("a release says what was consumed");
    CustomerCommand::Release(ReleaseRequest {
        currency: examples::credits(),
        resource: None,
        id: reservation(id),
        consumed: amount(consumed),
        is_known: words.next().is_some(),
    })
}

/// `ID [for=SECONDS|for=DATE] [to=AMOUNT] [known]`
fn extend(text: &str) -> CustomerCommand {
    let mut words = words(text);
    let (id, _) = words.next().expect("a reservation has an id");
    let mut request = ExtendRequest {
        currency: examples::credits(),
        resource: None,
        id: reservation(id),
        term: None,
        amount: None,
        is_known: false,
    };
    for word in words {
        match word {
            ("for", Some(until)) => request.term = Some(term(until)),
            ("to", Some(credits)) => request.amount = Some(amount(credits)),
            ("known", None) => request.is_known = true,
            other => panic!("no option {other:?}"),
        }
    }
    CustomerCommand::Extend(request)
}

/// `DATE: effect, effect, …`
fn tell(entry: &PoolEntry) -> String {
    let effects: Vec<String> = entry.effects.iter().map(tell_effect).collect();
    format!("{}: {}", show(entry.at), effects.join(", "))
}

fn tell_effect(effect: &Effect) -> String {
    match effect {
        Effect::Granted(grant) => format!("#{} granted {}", grant.no.0, grant.amount),
        Effect::Scheduled(grant) => format!("#{} scheduled {}", grant.no.0, grant.amount),
        Effect::Activated(draw) => format!("#{} activated {}", draw.grant.0, draw.amount),
        Effect::Drawn(draw) => format!("#{} drawn {}", draw.grant.0, draw.amount),
        Effect::Overdrawn(draw) => format!("#{} overdrawn {}", draw.grant.0, draw.amount),
        Effect::Ended(ended) => {
            let how = match ended.end {
                GrantEnd::Expired => "expired",
                GrantEnd::Voided => "voided",
            };
            format!("#{} {how} {}", ended.grant.no.0, ended.amount)
        }
        Effect::Reduced(draw) => format!("#{} reduced {}", draw.grant.0, draw.amount),
        Effect::MovedOut(draw) => format!("#{} moved out {}", draw.grant.0, draw.amount),
        Effect::MovedIn(draw) => format!("#{} moved in {}", draw.grant.0, draw.amount),
        Effect::Settled(settled) => format!("#{} settles {}", settled.grant.0, settled.amount),
        Effect::OverdraftClosed(_) => "overdraft closed".to_owned(),
        Effect::Carried(carried) => format!("carried {}", carried.carried.amount),
        Effect::Closed(closed) => format!("{} closed", closed.package),
        Effect::Opened(opened) => format!("{} at {}", opened.package, opened.level),
        Effect::Reserved(hold) => format!("{} holds{}", hold.id, tell_draws(&hold.draws)),
        Effect::HoldExtended(extended) => {
            let more = tell_draws(&extended.draws);
            format!("{} holds until {}{more}", extended.reservation, show(extended.expires_at))
        }
        Effect::HoldEnded(ended) => tell_hold_ended(ended),
        Effect::HoldMovedOut(moved) => {
            format!("{} moved off{}", moved.reservation, tell_draws(&[moved.draw]))
        }
        Effect::HoldMovedIn(moved) => {
            format!("{} moved to{}", moved.reservation, tell_draws(&[moved.draw]))
        }
        Effect::Refunded(moved) => format!("#{} refunded {}", moved.grant.0, moved.amount),
        Effect::OverdraftRefunded(draw) => {
            format!("#{} overdraft refunded {}", draw.grant.0, draw.amount)
        }
    }
}

fn tell_draws(draws: &[Draw]) -> String {
    draws.iter().map(|draw| format!(" #{} {}", draw.grant.0, draw.amount)).collect()
}

/// `ID released #GRANT CONSUMED/HELD`, with a `!` where the grant had ended before.
fn tell_hold_ended(ended: &HoldEnded) -> String {
    let how = match ended.how {
        HoldEnd::Released => "released",
        HoldEnd::Expired => "expired",
    };
    let parts = ended.parts.iter().map(|part| {
        let aside = if part.lapsed.is_some() { "!" } else { "" };
        format!(" #{}{aside} {}/{}", part.grant.0, part.consumed, part.held)
    });
    format!("{} {how}{}", ended.hold.id, parts.collect::<String>())
}

/// Runs `step => state` line by line and compares the states.
pub(crate) fn check_steps(catalog_text: &str, table: &str) {
    let mut world = World::new(catalog(catalog_text));
    let mut actual = Vec::new();
    let mut expected = Vec::new();
    for line in lines(table) {
        let (step, state) = line.split_once("=>").unwrap_or_else(|| panic!("no =>: {line}"));
        let step = step.trim();
        actual.push(format!("{step} => {}", world.step(step)));
        expected.push(format!("{step} => {}", state.trim()));
        world.assert_read_is_replay();
    }
    assert_eq!(actual.join("\n"), expected.join("\n"));
}

/// The order of the variants of a rejection is their precedence, so a row that shows a precedence
/// is compared with the declaration itself.
pub(crate) fn assert_declared_in_order(source: &str, name: &str, first: &str, second: &str) {
    let (_, body) =
        source.split_once(&format!("pub enum {name} {{")).expect("it is declared there");
    let place = |variant: &str| {
        ["(", ",", " {"].iter().find_map(|end| body.find(&format!("\n    {variant}{end}")))
    };
    let (first_place, second_place) = (place(first), place(second));
    assert!(first_place.is_some() && second_place.is_some(), "{first} and {second} are variants");
    assert!(first_place < second_place, "{first} is declared before {second}");
}
