//! The table of fields: what an update and a create can set. Every interface takes its fields from here.
//!
//! The crate's own types and setters are macros over this table. `scripts/fields` (`make fields`) writes the setters of C
//! and C++, the Python types and the tables of the documentation. It compiles this file alone, which therefore uses nothing
//! else of the crate. `CONTRIBUTING.md` says how a field is added.
//!
//! A row of `update`, in the order of COR's page "Update project", which is also the order on the wire:
//!
//! ```text
//! /// What the field holds, in one sentence: help, schema and every reference have it. A number's begins with the unit.
//! /// Further lines, for the reference of an update's setters alone.
//! Variant = number, name: Type, since;
//! ```
//!
//! * `number`: the constant `COR_FIELD_NAME` of C. The next free one for a new field, wherever it stands; none is changed or
//!   used again.
//! * `name`: on the wire, in tables, in Rust, Python, C and C++, and with dashes as a flag of `cor`. A name that ends in
//!   `_id` is an external id of another entity.
//! * `Type`: a variant of `FieldType`.
//! * `since`: the first version of the C library that has the setters.
//!
//! A row of `create` is a text field that an update does not have: `Variant, name, since;`.

/// Calls the macro `$then` with the whole table.
macro_rules! field_table {
    ($then:ident) => {
        $then! {
            update {
                /// The project's name.
                Name = 1, name: Text, "0.1";
                /// External id of the client.
                ClientId = 2, client_id: Text, "0.1";
                /// Description.
                Brief = 3, brief: Text, "0.1";
                /// First day.
                Start = 4, start: Date, "0.1";
                /// Last day; not before `start`.
                End = 5, end: Date, "0.1";
                /// External user id of the project manager.
                PmId = 6, pm_id: Text, "0.1";
                /// Hours.
                EstimatedTime = 7, estimated_time: Number, "0.1";
                /// Whether the work is billed.
                Billable = 8, billable: Boolean, "0.1";
                /// Free text; COR's own pages use `active`, `in_progress`, `in_process`, `finished`, `suspended`.
                Status = 9, status: Text, "0.1";
                /// External currency id.
                CurrencyId = 10, currency_id: Text, "0.1";
                /// Day of the evaluation.
                EvaluationDate = 11, evaluation_date: Date, "0.1";
                /// Money, in the project's currency.
                Estimated = 12, estimated: Number, "0.1";
                /// External fee id.
                FeeId = 13, fee_id: Text, "0.1";
                /// External contract id.
                ContractId = 14, contract_id: Text, "0.1";
                /// What is delivered.
                Deliverables = 15, deliverables: Text, "0.1";
                /// Number or code of the work order.
                WorkOrder = 16, work_order: Text, "0.1";
                /// How the project earns: `fee`, `one_time`, `hourly_rate` or `contract`.
                IncomeType = 17, income_type: IncomeType, "0.1";
                /// Whether the project is archived.
                /// Left out, COR keeps it as it is.
                Archived = 18, archived: Boolean, "0.1";
            }
            create {
                /// External id of the brand.
                BrandId, brand_id, "0.1";
                /// External id of the product.
                ProductId, product_id, "0.1";
            }
        }
    };
}
pub(crate) use field_table;
