//! The binary as an operator uses it on a stopped server: keys, and a dashboard password that was
//! lost. What programs do with it is in `tests/e2e`.

mod keys;
mod operators;
mod support;
