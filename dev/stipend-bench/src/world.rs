//! Stipend with its customers: an engine over the embedded store, and its server on a free port.

use crate::output::progress;
use crate::peers::process;
use crate::time::{self, ShiftedClock};
use anyhow::{Context, Result, bail};
use std::collections::VecDeque;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use stipend_core::catalog::{
    Aggregation, CatalogCommand, ChargeRow, Charges, Comparison, Condition, CreditRate, Document,
    Meter, MeterType, Migration, NewFeature, PackageKey, PackagePatch, Pricing,
};
use stipend_core::customer::{
    BillingPeriod, CustomerCommand, GrantKind, NewCustomer, ProvisionRequest,
};
use stipend_core::{Amount, Cadence, CustomerId, FeatureId, SubscriptionId, examples};
use stipend_engine::{
    Actor, Answer, ApiKey, Clock, Command, ConsumeItem, Engine, Key, PRODUCTION, Submission,
    Submitter,
};
use stipend_server::App;
use stipend_server::ids::SystemRandom;
use stipend_store_sqlite::{Options, SqliteStore};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::oneshot::Receiver;

/// The key to its API.
pub(crate) const API_KEY: &str = "sk_stipend_bench";

/// The name of events that cost a credit.
pub(crate) const EVENT_NAME: &str = "call";

/// Commands on their way while customers are made.
const MAKING_IN_FLIGHT: usize = 8_192;

/// Credits that no run can use up, a month.
const MONTHLY_CREDITS: i64 = 1_000_000_000;

/// The data, while no engine works on it.
#[derive(Debug)]
pub(crate) struct Data {
    pub(crate) directory: TempDir,
    pub(crate) customers: u32,
    clock: Arc<ShiftedClock>,
}

/// The data with an engine and a server.
pub(crate) struct World {
    data: Data,
    engine: Arc<Engine>,
    server: Runtime,
    pub(crate) port: u16,
}

/// The id of the n-th customer.
pub(crate) fn customer_id(number: u32) -> String {
    format!("c{number:08}")
}

/// Opens the embedded store and starts an engine over it.
pub(crate) fn start_engine(directory: &Path, clock: Arc<dyn Clock>) -> Result<Engine> {
    let (store, _) = SqliteStore::open(directory, &Options::new([7; 32]))?;
    Ok(Engine::start(Box::new(store), clock, Box::new(|_| {}))?)
}

impl Data {
    /// Opens the data and serves it.
    pub(crate) fn open(self) -> Result<World> {
        let clock: Arc<dyn Clock> = Arc::<ShiftedClock>::clone(&self.clock) as Arc<dyn Clock>;
        let engine = Arc::new(start_engine(self.directory.path(), clock)?);
        let done =
            engine.submitter().run(PRODUCTION, Command::OpenProduction(ApiKey::new(API_KEY)));
        done.context("no key to the environment")?;
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let server = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let app = App::new(Arc::clone(&engine), Arc::new(SystemRandom));
        server.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            stipend_server::serve::serve(listener, app, std::future::pending()).await
        });
        Ok(World { data: self, engine, server, port })
    }
}

impl World {
    /// Makes the data in a directory of its own: each customer with a subscription and two grants.
    pub(crate) fn make(parent: &Path, customers: u32) -> Result<Self> {
        let began = time::now();
        let directory = tempfile::Builder::new().prefix("stipend-bench-").tempdir_in(parent)?;
        process::remove_at_the_end(directory.path());
        let world = Data { directory, customers, clock: Arc::default() }.open()?;
        for command in catalog_commands() {
            world.run(Command::Catalog(command))?;
        }
        let mut pipeline = world.pipeline(MAKING_IN_FLIGHT);
        for number in 0..customers {
            for command in commands_of(number)? {
                pipeline.push(command)?;
            }
        }
        pipeline.finish()?;
        let took = began.elapsed().as_secs_f64();
        progress(&format!("{customers} customers made in {took:.1} s"));
        Ok(world)
    }

    /// Stops the server and the engine.
    pub(crate) fn stop(self) -> Data {
        let Self { data, engine, server, port: _ } = self;
        drop(server);
        engine.stop();
        data
    }

    pub(crate) fn customers(&self) -> u32 {
        self.data.customers
    }

    pub(crate) fn directory(&self) -> &Path {
        self.data.directory.path()
    }

    pub(crate) fn clock(&self) -> &ShiftedClock {
        &self.data.clock
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(crate) fn run(&self, command: Command) -> Result<()> {
        self.engine.submitter().run(PRODUCTION, command)?;
        Ok(())
    }

    /// A pipeline of commands into the engine.
    pub(crate) fn pipeline(&self, in_flight: usize) -> Pipeline {
        Pipeline { submitter: self.engine.submitter(), in_flight, waiting: VecDeque::new() }
    }
}

/// Commands on their way into the engine, so many at a time.
pub(crate) struct Pipeline {
    submitter: Submitter,
    in_flight: usize,
    waiting: VecDeque<Receiver<Answer>>,
}

impl Pipeline {
    /// Submits a command; where enough are on their way, waits for the oldest.
    pub(crate) fn push(&mut self, command: Command) -> Result<()> {
        if self.waiting.len() >= self.in_flight {
            self.settle_one()?;
        }
        let submission =
            Submission { env: PRODUCTION, by: Actor::Host, command, remember: None, render: None };
        self.waiting.push_back(self.submitter.submit(submission)?);
        Ok(())
    }

    fn settle_one(&mut self) -> Result<()> {
        let Some(oldest) = self.waiting.pop_front() else { return Ok(()) };
        match oldest.blocking_recv() {
            Ok(answer) => answer.map(drop).context("a command was refused"),
            Err(_) => bail!("the engine ended without an answer"),
        }
    }

    /// Waits for all.
    pub(crate) fn finish(mut self) -> Result<()> {
        while !self.waiting.is_empty() {
            self.settle_one()?;
        }
        Ok(())
    }
}

/// A consumption of one credit by the n-th customer.
pub(crate) fn usage(customer: u32, key: String) -> Result<ConsumeItem> {
    let customer = CustomerId::parse(&customer_id(customer))?;
    Ok(usage_of(customer, key))
}

/// A consumption of one credit by that customer.
pub(crate) fn usage_of(customer: CustomerId, event_id: String) -> ConsumeItem {
    let mut request = examples::consumption(Amount::whole(1));
    let key = Key::of_consumption(PRODUCTION, customer.as_str(), &request, &event_id);
    request.event_id = Some(event_id);
    ConsumeItem { customer, request, key }
}

fn catalog_commands() -> Vec<CatalogCommand> {
    let plan = PackageKey::plan(examples::plan());
    let monthly = examples::credit_entitlement(
        examples::credits(),
        Some(Amount::whole(MONTHLY_CREDITS)),
        Cadence::Month,
    );
    let rate = CreditRate {
        feature: calls(),
        billing_period: BillingPeriod::Monthly,
        currency: examples::credits(),
        amount: Amount::whole(1),
        formula: None,
    };
    let row = ChargeRow { created_at: examples::START, row: Document("{}".to_owned()) };
    let charges = Charges { rows: vec![row], rates: vec![rate], overage: Vec::new() };
    let charges = Some((Pricing::Paid, charges));
    let priced = Box::new(PackagePatch { charges, ..PackagePatch::default() });
    let mut commands = examples::catalog_commands();
    commands.extend([
        CatalogCommand::CreateFeature(Box::new(metered())),
        CatalogCommand::CreatePackage(examples::new_package(plan.clone())),
        CatalogCommand::UpdatePackage(plan.clone(), priced),
        CatalogCommand::AddEntitlements(plan.clone(), vec![monthly]),
        CatalogCommand::Publish(plan, Migration::NewCustomers),
    ]);
    commands
}

fn calls() -> FeatureId {
    FeatureId::parse("calls").expect("it is well formed")
}

/// A feature that counts the events named `call`; one costs a credit.
fn metered() -> NewFeature {
    let condition = Condition {
        field: "eventName".to_owned(),
        comparison: Comparison::Equals,
        values: vec![EVENT_NAME.to_owned()],
    };
    let meter = Meter {
        aggregation: Aggregation::Count,
        filters: vec![vec![condition]],
        document: Document("{}".to_owned()),
    };
    NewFeature {
        meter_type: MeterType::Incremental,
        meter: Some(meter),
        ..examples::new_feature(calls())
    }
}

fn commands_of(number: u32) -> Result<[Command; 3]> {
    let id = CustomerId::parse(&customer_id(number))?;
    let customer = NewCustomer { id: id.clone(), ..examples::new_customer() };
    let subscription = ProvisionRequest {
        id: SubscriptionId::parse(&format!("s{number:08}"))?,
        addons: None,
        ..examples::provision(Vec::new())
    };
    let grant = examples::grant(GrantKind::Promotional, Amount::whole(100));
    Ok([
        Command::CreateCustomer(customer),
        Command::Customer(id.clone(), CustomerCommand::Provision(Box::new(subscription))),
        Command::Customer(id, CustomerCommand::Grant(Box::new(grant))),
    ])
}
