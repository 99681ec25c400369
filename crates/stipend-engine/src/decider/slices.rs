//! What the decider does by itself: what is due, and tasks, in slices between ordinary commands.

use super::Decider;
use super::tasks::TaskWalk;
use crate::actor::Actor;
use crate::batch::Open;
use crate::clock::Alarm;
use crate::limits::{SLICE_CUSTOMERS, SLICE_MICROS, STALL_SECONDS};
use std::time::Duration;
use stipend_core::{EnvId, Timestamp};

/// How far the decider is with its own work.
#[derive(Default)]
pub(crate) struct Slices {
    /// The environment that the last slice was for; the next one goes on behind it.
    last: Option<EnvId>,
    /// Until when nothing is tried, because the store refused to write.
    stalled_until: Option<Timestamp>,
    /// The alarm that is set, and for when.
    alarm: Option<(Timestamp, Alarm)>,
    /// How far the task is that is under way.
    pub(super) walk: Option<TaskWalk>,
}

/// How much of a slice is left.
pub(super) struct Budget {
    customers: usize,
    ends: Duration,
}

impl Slices {
    /// Goes on at once after the store had refused to write.
    pub(super) fn resume(&mut self) {
        self.stalled_until = None;
    }
}

impl Decider {
    /// Does one slice of what is due or of a task; answers whether there is more.
    pub(super) fn work(&mut self, open: &mut Open) -> bool {
        if self.slices.stalled_until.is_some() {
            return false;
        }
        if open.has_slice_room() {
            open.now = self.now;
            open.by = Actor::System;
            match self.next_environment_due() {
                Some(env) => self.do_due(open, env),
                None => self.go_on_with_task(open),
            }
        }
        self.next_environment_due().is_some() || self.has_task(open)
    }

    pub(super) fn budget(&self) -> Budget {
        let ends = self.watch.time.clock().monotonic() + Duration::from_micros(SLICE_MICROS);
        Budget { customers: SLICE_CUSTOMERS, ends }
    }

    /// Takes a customer from the budget, where there is still one.
    pub(super) fn may_go_on(&self, budget: &mut Budget, open: &Open) -> bool {
        if budget.customers == 0 || !open.has_slice_room() {
            return false;
        }
        budget.customers -= 1;
        self.is_in_time(budget)
    }

    fn is_in_time(&self, budget: &Budget) -> bool {
        self.watch.time.clock().monotonic() < budget.ends
    }

    /// The environment whose turn it is among those in which something is due.
    fn next_environment_due(&self) -> Option<EnvId> {
        let realm = self.working.realm();
        let is_due = |(env, due): &(EnvId, Timestamp)| *due <= realm.now(*env, self.now);
        let mut due = self.working.due().firsts().filter(is_due).map(|(env, _)| env);
        let first = due.next()?;
        let Some(last) = self.slices.last else { return Some(first) };
        std::iter::once(first).chain(due).find(|env| *env > last).or(Some(first))
    }

    fn do_due(&mut self, open: &mut Open, env: EnvId) {
        self.slices.last = Some(env);
        let mut budget = self.budget();
        while let Some(slot) = self.next_behind(env)
            && self.may_go_on(&mut budget, open)
        {
            while open.has_slice_room()
                && self.is_in_time(&budget)
                && self.roll_instant(open, env, slot)
            {}
        }
    }

    /// Rings when the decider has to look at the clock.
    pub(super) fn alarm(&mut self) -> Alarm {
        let Some(at) = self.wake_at() else { return Alarm::never() };
        match &self.slices.alarm {
            Some((set, alarm)) if *set == at => alarm.clone(),
            _ => {
                let alarm = self.watch.time.clock().alarm(at);
                self.slices.alarm = Some((at, alarm.clone()));
                alarm
            }
        }
    }

    fn wake_at(&self) -> Option<Timestamp> {
        // While a jump of the clock is doubted, it would ring at once for what lies in between.
        if self.watch.confirm_at.is_some() {
            return self.watch.confirm_at;
        }
        if self.slices.stalled_until.is_some() {
            return self.slices.stalled_until;
        }
        let realm = self.working.realm();
        let is_ahead = |(env, due): &(EnvId, Timestamp)| {
            let environment = realm.environments.get(env);
            environment.is_none_or(|found| found.frozen_at.is_none()) && *due > self.now
        };
        self.working.due().firsts().filter(is_ahead).map(|(_, due)| due).min()
    }

    /// Looks at the clock when an alarm has rung.
    pub(super) fn wake(&mut self) {
        self.slices.alarm = None;
        self.slices.resume();
        self.look_at_clock();
    }

    /// Tries nothing for a while: the store refused to write.
    pub(super) fn stall(&mut self) {
        self.slices.walk = None;
        let wall = self.watch.time.clock().now();
        self.slices.stalled_until = Some(wall.plus_seconds(STALL_SECONDS));
    }
}
