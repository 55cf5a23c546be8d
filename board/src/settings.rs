//! The settings that the module asks for by name.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

pub trait Settings {
    fn get(&self, name: &str) -> Option<&str>;
}

/// Settings given once at start as `name=value`. It is small and exact enough to be its own double.
#[derive(Clone, Debug, Default)]
pub struct GivenSettings(Vec<(String, String)>);

impl GivenSettings {
    /// Takes the words that have the shape `name=value`; of a name that comes twice the first counts.
    pub fn from_words<'a>(words: impl IntoIterator<Item = &'a str>) -> Self {
        let pairs = words.into_iter().filter_map(|word| word.split_once('='));
        GivenSettings(pairs.map(|(name, value)| (name.to_string(), value.to_string())).collect())
    }
}

impl Settings for GivenSettings {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_settings() {
        let settings = GivenSettings::from_words(["report", "size=320x240", "a=b=c", "size=1x1", "empty="]);
        assert_eq!(settings.get("size"), Some("320x240"));
        assert_eq!(settings.get("a"), Some("b=c"));
        assert_eq!(settings.get("empty"), Some(""));
        assert_eq!(settings.get("report"), None);
    }
}
