//! The binary as an operator uses it: keys and a lost dashboard password of a stopped server, backups,
//! audits, and what a start is told. What programs do with it is in `tests/e2e`.

mod backups;
mod doctor;
mod fsck;
mod keys;
mod metrics;
mod operators;
mod support;
