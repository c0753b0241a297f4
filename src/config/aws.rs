//! Variables that platforms of Amazon set, by the names that all its clients know.

use super::sources::Sources;

pub const ACCESS_KEY_ID: &str = "AWS_ACCESS_KEY_ID";
pub const SECRET_ACCESS_KEY: &str = "AWS_SECRET_ACCESS_KEY";
pub const SESSION_TOKEN: &str = "AWS_SESSION_TOKEN";
pub const RELATIVE_URI: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
pub const FULL_URI: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
pub const TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
pub const TOKEN_FILE: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
pub const METADATA: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT";

/// The region, the first that is set.
pub const REGIONS: [&str; 2] = ["AWS_REGION", "AWS_DEFAULT_REGION"];

/// Whether a variable says where keys come from, or the region.
pub fn is_variable(name: &str) -> bool {
    let of_keys = [
        ACCESS_KEY_ID,
        SECRET_ACCESS_KEY,
        SESSION_TOKEN,
        RELATIVE_URI,
        FULL_URI,
        TOKEN,
        TOKEN_FILE,
        METADATA,
    ];
    of_keys.contains(&name) || REGIONS.contains(&name)
}

/// What a variable says; one that is empty or blank says nothing.
pub fn variable<'a>(sources: &'a Sources, name: &str) -> Option<&'a str> {
    let mut variables = sources.environment.iter();
    let found = variables.find(|(variable, _)| variable == name);
    found
        .map(|(_, value)| value.trim())
        .filter(|value| !value.is_empty())
}
