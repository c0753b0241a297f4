//! Who a queue is told that we are.

use secrecy::SecretString;

use crate::rotating::Rotating;

/// A user and a password, each of which there may not be.
#[derive(Clone, Debug)]
pub struct Login {
    /// The user.
    pub user: Option<String>,
    /// The password. Connections that are made from now on use what it is then.
    pub password: Rotating<Option<SecretString>>,
}
