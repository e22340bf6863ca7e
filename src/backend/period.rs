//! How often a control is computed.

use serde::Serialize;
use utoipa::ToSchema;

use super::extract::{Fields, Invalid};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Period {
    Hourly,
    Daily,
    Weekly,
    Monthly,
    Annually,
}

impl Period {
    const ALL: [Self; 5] = [Self::Hourly, Self::Daily, Self::Weekly, Self::Monthly, Self::Annually];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hourly => "HOURLY",
            Self::Daily => "DAILY",
            Self::Weekly => "WEEKLY",
            Self::Monthly => "MONTHLY",
            Self::Annually => "ANNUALLY",
        }
    }

    /// The web client offers `YEARLY`.
    pub fn read(text: &str) -> Result<Self, Invalid> {
        if text == "YEARLY" {
            return Ok(Self::Annually);
        }
        let refuse = || Invalid::new("period", "must be HOURLY, DAILY, WEEKLY, MONTHLY or ANNUALLY");
        Self::ALL.into_iter().find(|period| period.as_str() == text).ok_or_else(refuse)
    }

    pub fn of_fields(fields: Fields<'_>) -> Result<Option<Self>, Invalid> {
        fields.text("period", usize::MAX)?.map(|text| Self::read(&text)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_year_has_two_names_and_case_counts() {
        assert_eq!(Period::read("YEARLY"), Ok(Period::Annually));
        for period in Period::ALL {
            assert_eq!(Period::read(period.as_str()), Ok(period));
            assert_eq!(serde_json::to_value(period).unwrap(), period.as_str());
        }
        assert!(Period::read("daily").is_err());
        assert!(Period::read("").is_err());
    }
}
