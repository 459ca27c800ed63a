//! One setter per field, written out because the generator of the header does not expand macros.

use std::ffi::c_char;

use cor_http::{Field, IncomeType, Value};

use crate::guard::{self, cor_bool};
use crate::status::cor_status;
use crate::update::{cor_update, decimal, set, ymd};

// fields:setters, generated from crates/cor-core/src/field_table.rs; do not edit, run make fields

/// The project's name. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_update_set_name(update: *mut cor_update, value: *const c_char) -> cor_status {
    set(update, Field::Name, || Ok(Value::Text(guard::text(value, "name")?.into())))
}

/// As cor_update_set_name(), for text of `size` bytes. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_update_set_name_n(
    update: *mut cor_update,
    value: *const c_char,
    size: usize,
) -> cor_status {
    set(update, Field::Name, || Ok(Value::Text(guard::text_n(value, size, "name")?.into())))
}

/// External id of the client. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_update_set_client_id(
    update: *mut cor_update,
    value: *const c_char,
) -> cor_status {
    set(update, Field::ClientId, || Ok(Value::Text(guard::text(value, "client_id")?.into())))
}

/// As cor_update_set_client_id(), for text of `size` bytes. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_update_set_client_id_n(
    update: *mut cor_update,
    value: *const c_char,
    size: usize,
) -> cor_status {
    set(update, Field::ClientId, || Ok(Value::Text(guard::text_n(value, size, "client_id")?.into())))
}

/// Description. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_update_set_brief(update: *mut cor_update, value: *const c_char) -> cor_status {
    set(update, Field::Brief, || Ok(Value::Text(guard::text(value, "brief")?.into())))
}

/// As cor_update_set_brief(), for text of `size` bytes. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_update_set_brief_n(
    update: *mut cor_update,
    value: *const c_char,
    size: usize,
) -> cor_status {
    set(update, Field::Brief, || Ok(Value::Text(guard::text_n(value, size, "brief")?.into())))
}

/// First day. A real day written YYYY-MM-DD. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_update_set_start(update: *mut cor_update, value: *const c_char) -> cor_status {
    set(update, Field::Start, || Ok(Value::Text(guard::text(value, "start")?.into())))
}

/// As cor_update_set_start(), for text of `size` bytes. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_update_set_start_n(
    update: *mut cor_update,
    value: *const c_char,
    size: usize,
) -> cor_status {
    set(update, Field::Start, || Ok(Value::Text(guard::text_n(value, size, "start")?.into())))
}

/// As cor_update_set_start(), as numbers: years 1 to 9999, months 1 to 12, days from 1. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_update_set_start_ymd(
    update: *mut cor_update,
    year: i32,
    month: i32,
    day: i32,
) -> cor_status {
    set(update, Field::Start, || ymd(year, month, day))
}

/// Last day; not before `start`. A real day written YYYY-MM-DD. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_update_set_end(update: *mut cor_update, value: *const c_char) -> cor_status {
    set(update, Field::End, || Ok(Value::Text(guard::text(value, "end")?.into())))
}

/// As cor_update_set_end(), for text of `size` bytes. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_update_set_end_n(
    update: *mut cor_update,
    value: *const c_char,
    size: usize,
) -> cor_status {
    set(update, Field::End, || Ok(Value::Text(guard::text_n(value, size, "end")?.into())))
}

/// As cor_update_set_end(), as numbers: years 1 to 9999, months 1 to 12, days from 1. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_update_set_end_ymd(
    update: *mut cor_update,
    year: i32,
    month: i32,
    day: i32,
) -> cor_status {
    set(update, Field::End, || ymd(year, month, day))
}

/// External user id of the project manager. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_update_set_pm_id(update: *mut cor_update, value: *const c_char) -> cor_status {
    set(update, Field::PmId, || Ok(Value::Text(guard::text(value, "pm_id")?.into())))
}

/// As cor_update_set_pm_id(), for text of `size` bytes. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_update_set_pm_id_n(
    update: *mut cor_update,
    value: *const c_char,
    size: usize,
) -> cor_status {
    set(update, Field::PmId, || Ok(Value::Text(guard::text_n(value, size, "pm_id")?.into())))
}

/// Hours, as an integer. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_update_set_estimated_time_int(
    update: *mut cor_update,
    value: i64,
) -> cor_status {
    set(update, Field::EstimatedTime, || Ok(Value::Number(value.into())))
}

/// Hours, as a double; sent with the fewest digits that read back as the same. NaN and infinities are refused.
/// Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_update_set_estimated_time_double(
    update: *mut cor_update,
    value: f64,
) -> cor_status {
    set(update, Field::EstimatedTime, || Ok(Value::Number(value.into())))
}

/// Hours, as decimal text such as "18000.10"; sent digit for digit. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_update_set_estimated_time_decimal(
    update: *mut cor_update,
    value: *const c_char,
) -> cor_status {
    set(update, Field::EstimatedTime, || decimal(guard::text(value, "estimated_time"), "estimated_time"))
}

/// As cor_update_set_estimated_time_decimal(), for text of `size` bytes. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_update_set_estimated_time_decimal_n(
    update: *mut cor_update,
    value: *const c_char,
    size: usize,
) -> cor_status {
    set(update, Field::EstimatedTime, || {
        decimal(guard::text_n(value, size, "estimated_time"), "estimated_time")
    })
}

/// Whether the work is billed. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_update_set_billable(update: *mut cor_update, value: cor_bool) -> cor_status {
    set(update, Field::Billable, || Ok(Value::Boolean(value != 0)))
}

/// Free text; COR's own pages use "active", "in_progress", "in_process", "finished", "suspended". Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_update_set_status(update: *mut cor_update, value: *const c_char) -> cor_status {
    set(update, Field::Status, || Ok(Value::Text(guard::text(value, "status")?.into())))
}

/// As cor_update_set_status(), for text of `size` bytes. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_update_set_status_n(
    update: *mut cor_update,
    value: *const c_char,
    size: usize,
) -> cor_status {
    set(update, Field::Status, || Ok(Value::Text(guard::text_n(value, size, "status")?.into())))
}

/// External currency id. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_update_set_currency_id(
    update: *mut cor_update,
    value: *const c_char,
) -> cor_status {
    set(update, Field::CurrencyId, || Ok(Value::Text(guard::text(value, "currency_id")?.into())))
}

/// As cor_update_set_currency_id(), for text of `size` bytes. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_update_set_currency_id_n(
    update: *mut cor_update,
    value: *const c_char,
    size: usize,
) -> cor_status {
    set(update, Field::CurrencyId, || Ok(Value::Text(guard::text_n(value, size, "currency_id")?.into())))
}

/// Day of the evaluation. A real day written YYYY-MM-DD. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_update_set_evaluation_date(
    update: *mut cor_update,
    value: *const c_char,
) -> cor_status {
    set(update, Field::EvaluationDate, || Ok(Value::Text(guard::text(value, "evaluation_date")?.into())))
}

/// As cor_update_set_evaluation_date(), for text of `size` bytes. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_update_set_evaluation_date_n(
    update: *mut cor_update,
    value: *const c_char,
    size: usize,
) -> cor_status {
    set(update, Field::EvaluationDate, || {
        Ok(Value::Text(guard::text_n(value, size, "evaluation_date")?.into()))
    })
}

/// As cor_update_set_evaluation_date(), as numbers: years 1 to 9999, months 1 to 12, days from 1. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_update_set_evaluation_date_ymd(
    update: *mut cor_update,
    year: i32,
    month: i32,
    day: i32,
) -> cor_status {
    set(update, Field::EvaluationDate, || ymd(year, month, day))
}

/// Money, in the project's currency, as an integer. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_update_set_estimated_int(update: *mut cor_update, value: i64) -> cor_status {
    set(update, Field::Estimated, || Ok(Value::Number(value.into())))
}

/// Money, in the project's currency, as a double; sent with the fewest digits that read back as the same. NaN and
/// infinities are refused. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_update_set_estimated_double(update: *mut cor_update, value: f64) -> cor_status {
    set(update, Field::Estimated, || Ok(Value::Number(value.into())))
}

/// Money, in the project's currency, as decimal text such as "18000.10"; sent digit for digit. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_update_set_estimated_decimal(
    update: *mut cor_update,
    value: *const c_char,
) -> cor_status {
    set(update, Field::Estimated, || decimal(guard::text(value, "estimated"), "estimated"))
}

/// As cor_update_set_estimated_decimal(), for text of `size` bytes. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_update_set_estimated_decimal_n(
    update: *mut cor_update,
    value: *const c_char,
    size: usize,
) -> cor_status {
    set(update, Field::Estimated, || decimal(guard::text_n(value, size, "estimated"), "estimated"))
}

/// External fee id. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_update_set_fee_id(update: *mut cor_update, value: *const c_char) -> cor_status {
    set(update, Field::FeeId, || Ok(Value::Text(guard::text(value, "fee_id")?.into())))
}

/// As cor_update_set_fee_id(), for text of `size` bytes. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_update_set_fee_id_n(
    update: *mut cor_update,
    value: *const c_char,
    size: usize,
) -> cor_status {
    set(update, Field::FeeId, || Ok(Value::Text(guard::text_n(value, size, "fee_id")?.into())))
}

/// External contract id. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_update_set_contract_id(
    update: *mut cor_update,
    value: *const c_char,
) -> cor_status {
    set(update, Field::ContractId, || Ok(Value::Text(guard::text(value, "contract_id")?.into())))
}

/// As cor_update_set_contract_id(), for text of `size` bytes. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_update_set_contract_id_n(
    update: *mut cor_update,
    value: *const c_char,
    size: usize,
) -> cor_status {
    set(update, Field::ContractId, || Ok(Value::Text(guard::text_n(value, size, "contract_id")?.into())))
}

/// What is delivered. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_update_set_deliverables(
    update: *mut cor_update,
    value: *const c_char,
) -> cor_status {
    set(update, Field::Deliverables, || Ok(Value::Text(guard::text(value, "deliverables")?.into())))
}

/// As cor_update_set_deliverables(), for text of `size` bytes. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_update_set_deliverables_n(
    update: *mut cor_update,
    value: *const c_char,
    size: usize,
) -> cor_status {
    set(update, Field::Deliverables, || Ok(Value::Text(guard::text_n(value, size, "deliverables")?.into())))
}

/// Number or code of the work order. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_update_set_work_order(
    update: *mut cor_update,
    value: *const c_char,
) -> cor_status {
    set(update, Field::WorkOrder, || Ok(Value::Text(guard::text(value, "work_order")?.into())))
}

/// As cor_update_set_work_order(), for text of `size` bytes. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_update_set_work_order_n(
    update: *mut cor_update,
    value: *const c_char,
    size: usize,
) -> cor_status {
    set(update, Field::WorkOrder, || Ok(Value::Text(guard::text_n(value, size, "work_order")?.into())))
}

/// How the project earns: "fee", "one_time", "hourly_rate" or "contract". Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_update_set_income_type(
    update: *mut cor_update,
    value: *const c_char,
) -> cor_status {
    set(update, Field::IncomeType, || Ok(Value::Text(guard::text(value, "income_type")?.into())))
}

/// As cor_update_set_income_type(), for text of `size` bytes. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_update_set_income_type_n(
    update: *mut cor_update,
    value: *const c_char,
    size: usize,
) -> cor_status {
    set(update, Field::IncomeType, || Ok(Value::Text(guard::text_n(value, size, "income_type")?.into())))
}

/// The same as cor_update_set_income_type(), for a value that is sent unchecked. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_update_set_income_type_other(
    update: *mut cor_update,
    value: *const c_char,
) -> cor_status {
    set(update, Field::IncomeType, || {
        Ok(Value::IncomeType(IncomeType::Other(guard::text(value, "income_type")?.into())))
    })
}

/// As cor_update_set_income_type_other(), for text of `size` bytes. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_update_set_income_type_other_n(
    update: *mut cor_update,
    value: *const c_char,
    size: usize,
) -> cor_status {
    set(update, Field::IncomeType, || {
        Ok(Value::IncomeType(IncomeType::Other(guard::text_n(value, size, "income_type")?.into())))
    })
}

/// Whether the project is archived. Left out, COR keeps it as it is. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_update_set_archived(update: *mut cor_update, value: cor_bool) -> cor_status {
    set(update, Field::Archived, || Ok(Value::Boolean(value != 0)))
}

// fields:end
