//! Sends messages to where one notice goes, as the way out sends notifications: no redirect is followed, the proxy of the
//! environment is used or not, and nothing secret is told back.

use super::form::{Form, Origin};
use super::{Message, Settings};
use crate::delivery::envelope::{Envelope, sealed, unsigned};
use crate::delivery::http::HttpSender;
use crate::delivery::{DestinationSettings, Error, Kind, Report};

/// Posts messages to one URL.
pub struct Poster {
    sender: HttpSender,
    destination: DestinationSettings,
    form: Form,
    origin: Origin,
}

impl Poster {
    /// One for that notice, which says who sends and where the page is; nothing is sent yet.
    pub fn new(settings: &Settings, receiver: Option<String>, page: Option<String>) -> Result<Self, Error> {
        let destination = settings.destination.clone();
        let Kind::Http(http) = &destination.kind else {
            unreachable!("the configuration gives a notice a URL and nothing else")
        };
        Ok(Self {
            sender: HttpSender::new(&destination, http)?,
            form: settings.form,
            origin: Origin {
                notice: destination.name.clone(),
                receiver,
                page,
            },
            destination,
        })
    }

    /// Makes one attempt. It never takes much longer than 15 s.
    ///
    /// # Cancel safety
    /// Dropping the future ends the attempt; it may have been received.
    pub async fn post(&self, message: &Message) -> Report {
        let (body, mut headers) = self.form.put(message, &self.origin);
        // Whoever else takes it knows nothing of these.
        if self.form == Form::Json {
            match sealed(message.id.to_string(), &body, self.destination.secrets.get()).await {
                Ok(seal) => headers.extend(seal),
                Err(error) => return unsigned(&error),
            }
        }
        self.sender.post(Envelope { body, headers }).await
    }
}
