//! The numbers of the fields. They are never changed or used again, so they need not follow the order on the wire.

use std::ffi::CStr;

use cor_http::Field;

/// The optional fields of a project update, in the order of COR's page, which is also the order on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum cor_field {
    // fields:constants, generated from crates/cor-core/src/field_table.rs; do not edit, run make fields
    COR_FIELD_NAME = 1,
    COR_FIELD_CLIENT_ID = 2,
    COR_FIELD_BRIEF = 3,
    COR_FIELD_START = 4,
    COR_FIELD_END = 5,
    COR_FIELD_PM_ID = 6,
    COR_FIELD_ESTIMATED_TIME = 7,
    COR_FIELD_BILLABLE = 8,
    COR_FIELD_STATUS = 9,
    COR_FIELD_CURRENCY_ID = 10,
    COR_FIELD_EVALUATION_DATE = 11,
    COR_FIELD_ESTIMATED = 12,
    COR_FIELD_FEE_ID = 13,
    COR_FIELD_CONTRACT_ID = 14,
    COR_FIELD_DELIVERABLES = 15,
    COR_FIELD_WORK_ORDER = 16,
    COR_FIELD_INCOME_TYPE = 17,
    COR_FIELD_ARCHIVED = 18,
    // fields:end
}

use cor_field::*;

impl cor_field {
    const FIELDS: &[(cor_field, Field, &CStr)] = &[
        // fields:names, generated from crates/cor-core/src/field_table.rs; do not edit, run make fields
        (COR_FIELD_NAME, Field::Name, c"name"),
        (COR_FIELD_CLIENT_ID, Field::ClientId, c"client_id"),
        (COR_FIELD_BRIEF, Field::Brief, c"brief"),
        (COR_FIELD_START, Field::Start, c"start"),
        (COR_FIELD_END, Field::End, c"end"),
        (COR_FIELD_PM_ID, Field::PmId, c"pm_id"),
        (COR_FIELD_ESTIMATED_TIME, Field::EstimatedTime, c"estimated_time"),
        (COR_FIELD_BILLABLE, Field::Billable, c"billable"),
        (COR_FIELD_STATUS, Field::Status, c"status"),
        (COR_FIELD_CURRENCY_ID, Field::CurrencyId, c"currency_id"),
        (COR_FIELD_EVALUATION_DATE, Field::EvaluationDate, c"evaluation_date"),
        (COR_FIELD_ESTIMATED, Field::Estimated, c"estimated"),
        (COR_FIELD_FEE_ID, Field::FeeId, c"fee_id"),
        (COR_FIELD_CONTRACT_ID, Field::ContractId, c"contract_id"),
        (COR_FIELD_DELIVERABLES, Field::Deliverables, c"deliverables"),
        (COR_FIELD_WORK_ORDER, Field::WorkOrder, c"work_order"),
        (COR_FIELD_INCOME_TYPE, Field::IncomeType, c"income_type"),
        (COR_FIELD_ARCHIVED, Field::Archived, c"archived"),
        // fields:end
    ];

    fn row(number: i32) -> Option<&'static (cor_field, Field, &'static CStr)> {
        cor_field::FIELDS.iter().find(|(field, ..)| *field as i32 == number)
    }

    /// The field of a number that came from C.
    pub(crate) fn read(number: i32) -> Option<Field> {
        cor_field::row(number).map(|(_, field, _)| *field)
    }

    /// The name on the wire of the field of a number that came from C.
    pub(crate) fn name(number: i32) -> Option<&'static CStr> {
        cor_field::row(number).map(|(.., name)| *name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_has_its_number_and_its_name() {
        assert_eq!(cor_field::FIELDS.len(), Field::ALL.len());
        for (at, (number, field, name)) in cor_field::FIELDS.iter().enumerate() {
            assert_eq!((*field, name.to_str()), (Field::ALL[at], Ok(field.name())));
            assert_eq!(format!("{number:?}"), format!("COR_FIELD_{}", field.name().to_uppercase()));
            assert_eq!(cor_field::read(*number as i32), Some(*field));
            assert_eq!(cor_field::name(*number as i32), Some(*name));
        }
        for number in [-1, 0, Field::ALL.len() as i32 + 1, i32::MAX, i32::MIN] {
            assert_eq!((cor_field::read(number), cor_field::name(number)), (None, None));
        }
    }
}
