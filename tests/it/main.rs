//! Everything that is promised to the outside, a file a promise.

#![allow(clippy::unwrap_used, reason = "in a test it says where the test failed")]

mod admin;
mod answers;
mod api;
mod asking;
mod backfill;
mod backfill_command;
mod clients;
#[cfg(target_os = "linux")]
mod clocks;
mod command_output;
mod commands;
mod crash;
mod delivery;
mod delivery_commands;
mod destination_settings;
mod disk_full;
mod doctor;
mod documents;
mod duplicates;
mod early;
mod exposition;
mod files;
mod harness;
mod harness_tests;
mod house;
mod inbox_commands;
mod inbox_files;
mod jobs;
mod large_bodies;
mod leadership;
mod leaving;
mod logs;
mod long_readers;
mod metrics;
mod notices;
mod openapi;
mod outgoing;
mod page;
mod paths;
#[cfg(target_os = "linux")]
mod power_cut;
mod proxies;
mod quarantine;
mod queues;
mod redaction;
mod registration;
mod replicas;
mod samples;
mod sdks;
mod settings;
mod shutdown;
mod standard_webhooks;
mod subscription;
mod subscription_commands;
mod systemd;
mod terminal;
mod traces;
