//! Where the server is.

/// Where the server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    config: tokio_postgres::Config,
    shown: String,
}
impl Location {
    /// x
    pub fn parse(text: &str) -> Result<Self, String> {
        Ok(Self {
            config: text.parse().map_err(|e: tokio_postgres::Error| e.to_string())?,
            shown: text.to_owned(),
        })
    }
    /// x
    pub fn config(&self) -> &tokio_postgres::Config {
        &self.config
    }
    /// x
    pub fn shown(&self) -> String {
        self.shown.clone()
    }
}
