//! `cor projects create`: one new project.

use cor_http::{CreateField, Invalid, ProjectCreate};
use cor_sync::{SingleCall, plain};

use crate::args::CreateArgs;
use crate::failure::Failure;
use crate::output::Output;
use crate::project_fields;
use crate::single;
use crate::status;

pub(crate) fn run(args: &CreateArgs, output: &mut Output) -> Result<u8, Failure> {
    output.set_json(args.json);
    let source = args.connection.source(args.source.as_deref())?;
    let create = create_of(args, &source)?;
    let client = args.connection.client()?;
    let call = args.state.single_call(|path| SingleCall::create(path, client.base_url(), &create))?;
    let project = single::call(
        "create",
        call,
        client.projects().create(&create).settle_unknown(args.settle_unknown).into_future(),
    )?;
    single::show(output, args.json, &format!("Created {} of {}", plain(&args.id), plain(&source)), &project);
    Ok(status::DONE)
}

/// The project that the flags describe.
fn create_of(args: &CreateArgs, source: &str) -> Result<ProjectCreate, Failure> {
    let mut issues = Vec::new();
    let fields = project_fields::of_flags(source, &args.fields, &args.extra, &mut issues);
    let own = [(CreateField::BrandId, &args.brand_id), (CreateField::ProductId, &args.product_id)];
    let create = own.into_iter().fold(ProjectCreate::new(&args.id, fields), |create, (field, value)| {
        value.iter().fold(create, |create, value| create.set(field, value))
    });
    match create.validate_with(issues) {
        Ok(()) => Ok(create),
        Err(invalid) => Err(project_fields::refused(Invalid::into_issues(invalid))),
    }
}
