//! Promise: the page shows and does, in a real browser, what it says, for everybody who may and nobody else. Each page is looked
//! at with [`browser::Browser::judge`]: nothing on its console, no breach of its policy, nothing that axe-core finds, nothing
//! that scrolls sideways on a phone.

mod browser;
mod chatbots;
mod hostile;
mod jobs;
mod keys;
mod letting_in;
mod live;
mod looks;
mod narrow;
mod other_looks;
mod pictures;
mod proxy;
mod receipts;
mod resting;
mod search;
mod walker;
mod way_out;
