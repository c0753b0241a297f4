//! What a configuration is made of.

use std::collections::BTreeMap;

/// What a configuration is made of. Nothing here has been judged yet.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The name and content of a file with an image's defaults.
    pub defaults: Option<(String, String)>,
    /// The name and content of the operator's file.
    pub file: Option<(String, String)>,
    /// The environment, or what of it [`Sources::is_read`].
    pub environment: Vec<(String, String)>,
    /// Keys and values from the command line.
    pub flags: Vec<(String, String)>,
    /// The content of the files that [`Sources::read_files`] reads, by path, or why they cannot be read.
    pub files: BTreeMap<String, Result<String, String>>,
}
