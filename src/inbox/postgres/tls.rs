use super::super::Error;
use super::location::Location;
use tokio_postgres::NoTls;
pub fn connector(_: &Location) -> Result<NoTls, Error> {
    Ok(NoTls)
}
