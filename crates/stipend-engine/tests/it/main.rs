//! The engine from outside, on the store in memory: what is acknowledged and when, what is left
//! after a crash, what duplicates do, how ledgers are paged, what damage is found. No test waits
//! for time to pass: the store's control handle and the channels order everything.

mod actors;
mod ahead;
mod clocks;
mod commands;
mod damage;
mod due_work;
mod duplicates;
mod environments;
mod golden;
mod interleaving;
mod listing;
mod paging;
mod publish_races;
mod queue;
mod recovery;
mod reservations;
mod reversals;
mod rolling;
mod series;
mod support;
mod tasks;
mod usage;
