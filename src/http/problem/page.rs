//! Problems of who is let in to the admin side, and of the page's forms.

use std::time::Duration;

use super::{Kind, Problem};

impl Problem {
    /// 403 on the admin side: without a token nobody can tell who is behind a proxy on this machine.
    pub fn proxied(header: &str) -> Self {
        let detail = format!(
            "no admin token is configured, so the admin side serves no request that came through a proxy, as its header \
             {header} says; set CAIGUNN_ADMIN_TOKEN"
        );
        Self::new(Kind::Forbidden, detail)
    }

    /// 403 on the admin side.
    pub fn read_only() -> Self {
        let detail = "the read-only token lets look and change nothing; the admin token is needed for this";
        Self::new(Kind::Forbidden, detail)
    }

    /// 403 on the page: a form of ours says where it is from.
    pub fn foreign_form() -> Self {
        let detail = "a page of another site may not do this: the form's Origin is not the Host that was asked, which a proxy \
                      in front must leave as it is";
        Self::new(Kind::Forbidden, detail)
    }

    /// 403 on the page: the form does not say whose it is.
    pub fn forged_form() -> Self {
        let detail = "this form was not made for you by this receiver since its start; go back to its page and repeat it there";
        Self::new(Kind::Forbidden, detail)
    }

    /// 401 on the page: nothing was done.
    pub fn signed_out() -> Self {
        let detail = "you are signed in no more, so this was not done; sign in and repeat it";
        Self::new(Kind::SignedOut, detail)
    }

    /// 401 on the page.
    pub fn wrong_token() -> Self {
        Self::new(
            Kind::SignedOut,
            "this is neither the admin token nor the read-only token",
        )
    }

    /// 429 on the page.
    pub fn too_many_tries(wait: Duration) -> Self {
        let detail = format!(
            "too many tokens were wrong; the next one is looked at in {} s",
            wait.as_secs() + 1
        );
        Self::new(Kind::TooManyTries, detail)
    }

    /// 503: as many watch what comes as may.
    pub fn too_many_viewers() -> Self {
        Self::new(Kind::Overloaded, "too many watch what comes in")
    }
}
