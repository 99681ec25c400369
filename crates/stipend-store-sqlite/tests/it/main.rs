//! The store on SQLite as a whole: opening, damage, full disks, crashes, and people's SQL.

// The attribute tells clippy that helpers, too, are test code.
#![cfg(test)]

mod copies;
mod damage;
mod data;
mod full_disk;
mod kill;
mod long_reader;
mod opening;
mod rolls;
mod still;
mod views;
