use serde::{Deserialize, Serialize};

use crate::Date;

/// Which projects a list of COR's main API holds. A filter that is not set lets every project pass.
///
/// ```
/// use cor_core::ProjectFilter;
/// let filter = ProjectFilter { client_id: Some(25855), archived: Some(false), ..ProjectFilter::default() };
/// assert_eq!(filter.to_json(), r#"{"client_id":25855,"archived":2}"#);
/// ```
///
/// Ids are COR's internal ones. Through serde it is an object with these names, where `archived` is a boolean; an unknown name
/// is an error.
///
/// Source: COR's page "List projects" of the main API, parameter `filters`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProjectFilter {
    /// Projects from this day on. COR does not document which of a project's dates counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date_start: Option<Date>,
    /// Projects up to this day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date_end: Option<Date>,
    /// COR's internal id of the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<i64>,
    /// COR's internal id of the team.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team_id: Option<i64>,
    /// COR's internal id of a user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<i64>,
    /// COR's internal id of the brand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub brand_id: Option<i64>,
    /// COR's internal id of the product.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product_id: Option<i64>,
    /// The status: COR documents `finished`, `in_process` and `suspended`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// The health: 1 on track, 2 at risk, 3 delayed, 4 critical.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<u8>,
    /// Archived projects only, or active ones only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archived: Option<bool>,
}

impl ProjectFilter {
    /// Whether every project passes.
    pub fn is_empty(&self) -> bool {
        *self == ProjectFilter::default()
    }

    /// The JSON of the parameter `filters`. `archived` is 1 for archived and 2 for active projects there.
    pub fn to_json(&self) -> String {
        let mut members = Vec::new();
        let mut push = |name: &str, value: Option<serde_json::Value>| {
            members.extend(value.map(|value| format!("\"{name}\":{value}")));
        };
        let day = |day: Option<Date>| day.map(|day| day.to_string().into());
        push("dateStart", day(self.date_start));
        push("dateEnd", day(self.date_end));
        push("client_id", self.client_id.map(Into::into));
        push("team_id", self.team_id.map(Into::into));
        push("user_id", self.user_id.map(Into::into));
        push("brand_id", self.brand_id.map(Into::into));
        push("product_id", self.product_id.map(Into::into));
        push("status", self.status.clone().map(Into::into));
        push("health", self.health.map(Into::into));
        push("archived", self.archived.map(|archived| if archived { 1 } else { 2 }.into()));
        format!("{{{}}}", members.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filter_has_documented_names_and_values() {
        assert_eq!(ProjectFilter::default().to_json(), "{}");
        let all = r#"{"date_start":"2025-01-01","date_end":"2025-12-31","client_id":1,"team_id":2,"user_id":3,"brand_id":4,"product_id":5,"status":"in \"process\"","health":4,"archived":true}"#;
        let filter: ProjectFilter = serde_json::from_str(all).unwrap();
        assert_eq!(
            filter.to_json(),
            r#"{"dateStart":"2025-01-01","dateEnd":"2025-12-31","client_id":1,"team_id":2,"user_id":3,"brand_id":4,"product_id":5,"status":"in \"process\"","health":4,"archived":1}"#
        );
        assert_eq!(serde_json::to_string(&filter).unwrap(), all);
        assert!(serde_json::from_str::<ProjectFilter>(r#"{"clientId":1}"#).is_err());
    }
}
