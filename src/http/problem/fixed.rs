//! Problems whose text is always the same.

use super::{Kind, Problem};

/// Defines what makes each: of which kind it is, and what it says.
macro_rules! fixed {
    ($($(#[$doc:meta])* $name:ident => $kind:ident, $detail:literal;)*) => {
        impl Problem {
            $($(#[$doc])* pub fn $name() -> Self {
                Self::new(Kind::$kind, $detail)
            })*
        }
    };
}

fixed! {
    /// 401 on the public side.
    wrong_url_token => WrongUrlToken, "post to /webhook/{token} with a token that this receiver was configured with";
    /// 401 on the admin side.
    wrong_bearer_token => WrongBearerToken, "send the header Authorization: Bearer with the admin token";
    /// 403 on the admin side.
    not_local => Forbidden,
        "no admin token is configured, so the admin side serves loopback clients only; set CAIGUNN_ADMIN_TOKEN";
    /// 403 on the admin side: from this machine, under another name.
    not_local_name => Forbidden,
        "no admin token is configured, so the admin side answers to localhost and loopback addresses only, and Host is \
         another name; set CAIGUNN_ADMIN_TOKEN";
    /// 403 on the admin side: a page of another site, in a browser here, must not change anything.
    cross_site => Forbidden, "a page of another site may not do this";
    /// 409: CaiGunn cannot be asked.
    no_credentials => NotConfigured, "this receiver has no access to CaiGunn's API; set CAIGUNN_ACCESS_TOKEN";
    /// 409: there is nothing to register.
    not_registering => NotConfigured, "this receiver registers nothing; set CAIGUNN_ACCESS_TOKEN and CAIGUNN_PUBLIC_URL";
    /// 404.
    not_found => NotFound, "there is nothing at this path";
    /// 405; the router adds `Allow`.
    method_not_allowed => MethodNotAllowed, "the Allow header names the methods of this path";
    /// 400: the body ended or broke before it was whole.
    broken_body => MalformedRequest, "the body could not be read to its end";
    /// 415 for the coding.
    wrong_content_encoding => UnsupportedMediaType, "the body must not have a Content-Encoding";
    /// 501 (RFC 9112, section 6.1).
    unknown_transfer_coding => UnknownTransferCoding, "the only transfer coding known here is chunked, once";
    /// 503: too much at once.
    too_many_bodies => Overloaded, "too many bodies are being received at once";
    /// 503: not yet there.
    starting => Starting, "this receiver is starting";
    /// 503: on the way out.
    stopping => Stopping, "this receiver is stopping";
    /// 500: a bug of ours.
    panicked => Internal, "a bug in the receiver; its log has more";
    /// 403 on the admin side.
    read_only => Forbidden, "the read-only token lets look and change nothing; the admin token is needed for this";
    /// 403 on the page: a form of ours says where it is from.
    foreign_form => Forbidden,
        "a page of another site may not do this: the form's Origin is not the Host that was asked, which a proxy in \
         front must leave as it is";
    /// 403 on the page: the form does not say whose it is.
    forged_form => Forbidden,
        "this form was not made for you by this receiver since its start; go back to its page and repeat it there";
    /// 401 on the page: nothing was done.
    signed_out => SignedOut, "you are signed in no more, so this was not done; sign in and repeat it";
    /// 401 on the page.
    wrong_token => SignedOut, "this is neither the admin token nor the read-only token";
    /// 503: as many watch what comes as may.
    too_many_viewers => Overloaded, "too many watch what comes in";
}
