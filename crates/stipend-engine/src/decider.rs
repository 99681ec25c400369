//! The decider: one thread, one order. It decides commands on the working state and hands full
//! batches to the committer, deciding ahead while a commit is on its way.

mod ahead;
mod behind;
mod consume;
mod customers;
mod environments;
mod parking;
mod report;
mod request;
mod reverse;
mod slices;
mod tasks;

use crate::api_key::ApiKey;
use crate::batch::{Folding, Open, Room, Sealed, Tip};
use crate::clock::Alarm;
use crate::command::{Answer, Command, Kept, Outcome, Refusal, Remember, Reply, Response};
use crate::committer::Committed;
use crate::flush::Flusher;
use crate::key::{Keys, Known};
use crate::record::{KIND_REMEMBERED, Remembered};
use crate::wall::WallWatch;
use crate::working::Working;
use crossbeam_channel::{Receiver, Sender, TryRecvError};
use stipend_core::customer::{Entry, Hold};
use stipend_core::{EnvId, GrantNo, PoolId, SubscriptionNo, Timestamp};
use stipend_store::Seq;

pub(crate) use ahead::Ahead;
pub(crate) use parking::Parking;
pub(crate) use report::Plan;
pub(crate) use request::Request;
use request::{Order, Work};
pub(crate) use slices::Slices;

pub(crate) struct Decider {
    pub(crate) working: Working,
    pub(crate) keys: Keys<Kept>,
    pub(crate) flusher: Flusher,
    pub(crate) watch: WallWatch,
    pub(crate) tip: Tip,
    /// What the last durable batch was gathered in.
    pub(crate) room: Room,
    /// The time on the wall clock, as of the last command or alarm.
    pub(crate) now: Timestamp,
    pub(crate) next_slot: u32,
    pub(crate) requests: Receiver<Request>,
    /// Requests that were taken from the queue and are decided next.
    pub(crate) ahead: Ahead,
    /// Closed when the engine is to stop.
    pub(crate) stop: Receiver<()>,
    pub(crate) sealed: Sender<Sealed>,
    pub(crate) committed: Receiver<Committed>,
    pub(crate) parking: Parking,
    pub(crate) slices: Slices,
    /// Room to plan many reports of usage in.
    pub(crate) plan: Plan,
}

/// What a decided command did.
#[derive(Default)]
struct Done {
    slot: Option<u32>,
    subscription: Option<SubscriptionNo>,
    grant: Option<(PoolId, GrantNo)>,
    hold: Option<Hold>,
    seq: Option<Seq>,
    environment: Option<EnvId>,
    task: Option<u64>,
}

/// What the decider goes on with.
enum Event {
    /// A batch is durable or refused.
    Committed(Committed),
    /// A command came.
    Request(Request),
    /// The engine is to stop, and no command waits.
    Stop,
    /// It is time to look at the clock.
    Alarm,
    /// Nothing; there is work to go on with.
    Nothing,
    /// The committer has ended.
    Broken,
}

impl Decider {
    /// Runs until the engine is stopped and all that was decided is committed, or the store has
    /// failed.
    pub(crate) fn run(&mut self) {
        let mut open = Open::new(self.tip, self.now, Room::default());
        let mut in_flight = false;
        let mut is_open = true;
        loop {
            let has_more = is_open && self.work(&mut open);
            if is_open {
                self.answer_parked(&mut open);
            }
            if !in_flight && !open.is_empty() {
                let next = open.seal(&self.working, &mut self.flusher);
                self.tip.last = next.publication.last;
                self.tip.number += u64::from(!next.batch.rows.is_empty());
                if self.sealed.send(next).is_err() {
                    return;
                }
                in_flight = true;
                open = Open::new(self.tip, self.now, std::mem::take(&mut self.room));
            }
            if !is_open && !in_flight {
                return;
            }
            let may_work = has_more && open.has_slice_room();
            match self.next_event(is_open && open.has_room(), may_work) {
                Event::Committed(committed) => {
                    in_flight = false;
                    if !self.settle(committed) {
                        open = self.drop_undurable(open);
                    }
                }
                Event::Request(request) => self.take(&mut open, request, in_flight),
                Event::Stop => {
                    is_open = false;
                    // What was decided may be durable.
                    self.parking.refuse_all(&Refusal::Unavailable, &Refusal::Failed);
                }
                Event::Alarm => self.wake(),
                Event::Nothing => {}
                Event::Broken => return,
            }
        }
    }

    /// Waits for what comes next; where there is work to go on with, it only looks.
    fn next_event(&mut self, takes: bool, may_work: bool) -> Event {
        if may_work || (takes && !self.ahead.is_empty()) {
            return self.look_for_event(takes);
        }
        let alarm = if takes { self.alarm() } else { Alarm::never() };
        let (never, no_stop) = (crossbeam_channel::never(), crossbeam_channel::never());
        let requests = if takes { &self.requests } else { &never };
        let stop = if takes { &self.stop } else { &no_stop };
        crossbeam_channel::select! {
            recv(self.committed) -> committed => committed.map_or(Event::Broken, Event::Committed),
            recv(requests) -> request => request.map_or(Event::Stop, Event::Request),
            // What was submitted before the stop is still done.
            recv(stop) -> _ => self.next_request().map_or(Event::Stop, Event::Request),
            recv(alarm.receiver()) -> _ => Event::Alarm,
        }
    }

    fn look_for_event(&mut self, takes: bool) -> Event {
        match self.committed.try_recv() {
            Ok(committed) => return Event::Committed(committed),
            Err(TryRecvError::Disconnected) => return Event::Broken,
            Err(TryRecvError::Empty) => {}
        }
        if !takes {
            return Event::Nothing;
        }
        match (self.next_request(), self.stop.try_recv()) {
            (Some(request), _) => Event::Request(request),
            (None, Err(TryRecvError::Disconnected)) => Event::Stop,
            (None, _) => Event::Nothing,
        }
    }

    /// Refuses what was not decided and whatever still comes until the engine is stopped: nobody
    /// may wait for an answer that cannot come.
    pub(crate) fn refuse_the_rest(&mut self) {
        self.parking.refuse_all(&Refusal::Failed, &Refusal::Failed);
        while let Some(request) = self.ahead.next() {
            request.refuse(Refusal::Failed);
        }
        loop {
            crossbeam_channel::select! {
                recv(self.requests) -> request => match request {
                    Ok(request) => request.refuse(Refusal::Failed),
                    Err(_) => return,
                },
                recv(self.stop) -> _ => break,
            }
        }
        for request in self.requests.try_iter() {
            request.refuse(Refusal::Failed);
        }
    }

    /// Decides a request and whatever waits behind it, as far as the batch has room; with enough
    /// in it, only while a commit is on its way.
    fn take(&mut self, open: &mut Open, first: Request, in_flight: bool) {
        let mut request = first;
        loop {
            self.look_at_clock();
            open.now = self.now;
            self.take_one(open, request);
            let waits_for_commit = in_flight && self.committed.is_empty();
            if !open.has_room() || (open.has_enough() && !waits_for_commit) {
                return;
            }
            let Some(next) = self.next_request() else { return };
            request = next;
        }
    }

    /// Takes note of a commit; answers whether it became durable.
    fn settle(&mut self, committed: Committed) -> bool {
        match committed {
            Committed::Durable { number, mut publication, room } => {
                self.room = room;
                self.working.take_spares(&mut publication.replaced);
                self.room.replaced = std::mem::take(&mut publication.replaced);
                if number > 0 {
                    self.slices.resume();
                }
                self.keys.publish(publication.last);
                self.working.forget_published(&publication, number);
                true
            }
            Committed::Refused { tip, flushed, slots } => {
                self.flusher.restore(&flushed, tip.last);
                self.working.take_back(&slots);
                self.tip = tip;
                false
            }
        }
    }

    /// A refused commit takes everything with it that was decided on top of it.
    fn drop_undurable(&mut self, open: Open) -> Open {
        self.working.take_back(open.slots());
        self.working.drop_names();
        self.keys.drop_pending();
        self.parking.refuse_all(&Refusal::Unavailable, &Refusal::Unavailable);
        self.stall();
        for (waiter, _) in open.into_waiters() {
            // Who no longer waits does not want to know.
            let _ = waiter.send(Err(Refusal::Unavailable));
        }
        Open::new(self.tip, self.now, Room::default())
    }

    fn decide(&mut self, open: &mut Open, order: Order) -> Answer {
        let Order { env, by, work, remember, render } = order;
        open.by = by;
        if let Some(reply) = self.find_remembered(remember)? {
            return Ok(reply);
        }
        let command = match work {
            Work::Consume(items) => return self.consume(open, env, &items),
            Work::Report(items) => return self.report(open, env, &items),
            Work::Other(command) => *command,
        };
        let done = match command {
            Command::Reverse(reversing) => return self.reverse(open, env, *reversing),
            Command::Consume(_) | Command::Report(_) => unreachable!("they are work of their own"),
            Command::CatchUp(slot) => return self.catch_up(open, slot),
            Command::CatchUpAll => return Ok(Reply::Done),
            Command::OpenProduction(key) => self.open_production(open, key)?,
            Command::OpenSandbox(key) => self.open_sandbox(open, key)?,
            Command::CreateEnvironment { name, kind, settings, key } => {
                self.create_environment(open, (name, kind, settings), key)?
            }
            Command::CreateKey(key) => self.create_key(open, ApiKey { env, ..key })?,
            Command::RevokeKey(number) => self.revoke_key(open, env, number)?,
            Command::SetUpOperator(operator) => self.set_up_operator(open, operator)?,
            Command::SetPassword(operator) => self.set_password(open, operator)?,
            Command::FreezeClock(at) => self.freeze_clock(open, env, at)?,
            Command::ReleaseClock => self.release_clock(open, env)?,
            Command::BeginTask(kind) => {
                Done { task: Some(self.begin_task(open, env, kind)), ..Done::default() }
            }
            Command::Catalog(command) => {
                self.change_catalog(open, env, &command)?;
                let published = command.publishes();
                published.map_or_else(Done::default, |(package, migration)| {
                    self.bring_along(open, env, package, migration)
                })
            }
            Command::CreateCustomer(new) => self.create_customer(open, env, new)?,
            Command::Customer(id, command) => self.change_by_id(open, env, id, &command)?,
            Command::Subscription(id, command) => {
                self.change_subscription(open, env, &id, command)?
            }
            Command::VoidGrant(slot, no) => self.void_grant(open, env, slot, no)?,
        };
        let Some(render) = render else { return Ok(Reply::Done) };
        let realm = self.working.realm();
        let account = done.slot.and_then(|slot| self.working.account(slot));
        let outcome = Outcome {
            now: self.now_in(env),
            env,
            catalog: realm.catalog(env),
            account: account.map(|account| &**account),
            subscription: done.subscription,
            grant: done.grant,
            hold: done.hold.as_ref(),
            seq: done.seq,
            environment: done.environment.and_then(|env| realm.environments.get(&env)),
            task: done.task.and_then(|id| realm.tasks.find(id)),
        };
        let response = render(&outcome);
        self.remember(open, remember, &response);
        Ok(Reply::Response(response))
    }

    fn find_remembered(&self, remember: Option<Remember>) -> Result<Option<Reply>, Refusal> {
        let key = match remember {
            None | Some(Remember::Content { is_retry: false, .. }) => return Ok(None),
            Some(remember) => remember.key(),
        };
        match self.keys.look_up(key, self.now) {
            Known::New => Ok(None),
            Known::Reused => Err(Refusal::KeyReused),
            Known::Durable(seq) => Ok(Some(Reply::Stored(seq))),
            Known::Pending(Kept::Response(response)) => Ok(Some(Reply::Replay(response))),
            Known::Pending(_) => Err(Refusal::KeyReused),
        }
    }

    fn remember(&mut self, open: &mut Open, remember: Option<Remember>, response: &Response) {
        let Some(remember) = remember else { return };
        let key = remember.key();
        let row = Remembered { status: response.status, body: response.body.to_vec() };
        let seq = open.remember(key, KIND_REMEMBERED, &row);
        match remember {
            Remember::Key(_) => open.keep_once(0, ONCE_REQUEST, &key.to_bytes()),
            // What is said of a reservation is told by its row, so its id alone finds it.
            Remember::Reservation(_) => open.keep_once(0, ONCE_RESERVATION, &key.scope),
            Remember::Release(_) => open.keep_once(0, ONCE_RELEASE, &key.scope),
            Remember::Content { .. } => {}
        }
        self.keys.decide(key, seq, self.now, Kept::Response(response.clone()));
    }

    fn fold(&mut self, open: &mut Open, folding: Folding, entry: &Entry) -> Seq {
        open.fold(&mut self.working, &mut self.flusher, folding, entry)
    }

    /// The effective now of an environment.
    fn now_in(&self, env: EnvId) -> Timestamp {
        self.working.realm().now(env, self.now)
    }

    fn look_at_clock(&mut self) {
        self.now = self.now.max(self.watch.look());
    }
}

/// The scope of remembered requests among the business keys.
pub(crate) const ONCE_REQUEST: u16 = 1;
/// The scope of reservations among the business keys.
pub(crate) const ONCE_RESERVATION: u16 = 2;
/// The scope of releases of reservations among the business keys.
pub(crate) const ONCE_RELEASE: u16 = 3;
/// The scope of reversals among the business keys.
pub(crate) const ONCE_REVERSAL: u16 = 4;
