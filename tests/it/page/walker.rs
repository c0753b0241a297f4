//! Somebody who walks the page without a script: links, forms and cookies, as any client of HTTP can.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use reqwest::header::{ACCEPT, COOKIE, LOCATION, ORIGIN, REFERER, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};

use crate::harness::{App, clients, header};

/// What every answer of the page says may be done with it.
pub const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                          form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// One walker, with the cookies that were given to it.
pub struct Walker {
    client: Client,
    base: String,
    /// The page that it looked at last.
    here: String,
    cookies: BTreeMap<String, String>,
}

/// A page as it came.
pub struct Page {
    pub status: u16,
    /// Where it leads.
    pub location: Option<String>,
    pub text: String,
}

impl Walker {
    /// Before the page of that receiver.
    pub fn before(app: &App) -> Self {
        Self::before_address(app.admin)
    }

    /// Before what is at that address.
    pub fn before_address(address: SocketAddr) -> Self {
        Self {
            client: clients().redirect(Policy::none()).build().expect("a client"),
            base: format!("http://{address}"),
            here: "/".to_owned(),
            cookies: BTreeMap::new(),
        }
    }

    /// With the cookies that the other has now.
    pub fn like(other: &Self) -> Self {
        Self {
            client: other.client.clone(),
            base: other.base.clone(),
            here: other.here.clone(),
            cookies: other.cookies.clone(),
        }
    }

    /// Follows a link.
    pub async fn get(&mut self, path: &str) -> Page {
        let request = self
            .client
            .get(format!("{}{path}", self.base))
            .header(ACCEPT, "text/html")
            .header(COOKIE, self.cookie());
        path.clone_into(&mut self.here);
        self.take(request.send().await.expect("the page answers")).await
    }

    /// Sends a form of the page that it looked at last, as a browser does.
    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let origin = self.base.clone();
        self.post_from(Some(&origin), path, fields).await
    }

    /// Sends a form of a page that is from there.
    pub async fn post_from(&mut self, origin: Option<&str>, path: &str, fields: &[(&str, &str)]) -> Page {
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(fields);
        let mut request = self
            .client
            .post(format!("{}{path}", self.base))
            .header(COOKIE, self.cookie())
            .header(REFERER, format!("{}{}", origin.unwrap_or(&self.base), self.here))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body.finish());
        if let Some(origin) = origin {
            request = request.header(ORIGIN, origin);
        }
        self.take(request.send().await.expect("the page answers")).await
    }

    /// Goes where a page leads.
    pub async fn follow(&mut self, page: &Page) -> Page {
        let path = page.location.as_deref().expect("it leads somewhere");
        self.get(path).await
    }

    /// Signs in, and gives the answer.
    pub async fn sign_in(&mut self, token: &str) -> Page {
        let form = self.get("/sign-in").await;
        let form_token = form.field("form_token");
        self.post("/sign-in", &[("form_token", &form_token), ("token", token)])
            .await
    }

    /// What it sends as its cookies.
    pub fn cookie(&self) -> String {
        let pairs: Vec<_> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        pairs.join("; ")
    }

    async fn take(&mut self, response: Response) -> Page {
        let policy = header(&response, "content-security-policy");
        assert_eq!(policy, Some(POLICY), "{response:?}");
        for cookie in response.headers().get_all(SET_COOKIE) {
            let pair = cookie.to_str().expect("text").split(';').next().expect("a pair");
            let (name, value) = pair.split_once('=').expect("a pair");
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        let location = response.headers().get(LOCATION);
        Page {
            status: response.status().as_u16(),
            location: location.map(|path| path.to_str().expect("text").to_owned()),
            text: response.text().await.expect("text"),
        }
    }
}

impl Page {
    /// What stands in the first field of that name.
    pub fn field(&self, name: &str) -> String {
        let (_, rest) = self
            .text
            .split_once(&format!("name=\"{name}\" value=\""))
            .unwrap_or_else(|| panic!("there is no field {name}: {}", self.text));
        rest.split('"').next().expect("an end").to_owned()
    }

    /// How many rows its tables have below their heads.
    pub fn row_count(&self) -> usize {
        self.text.matches("<tr").count() - self.text.matches("<thead><tr>").count()
    }

    /// Whether that is to be read on it.
    pub fn says(&self, text: &str) -> bool {
        self.text.contains(text)
    }
}
