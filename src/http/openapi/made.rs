//! The document as the routes say it.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::header::{CONNECTION, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, StatusCode};
use serde_json::{Value, json};
use utoipa::openapi::path::{
    HttpMethod, Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn,
};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{AdditionalProperties, KnownFormat, Schema, SchemaFormat};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, Content, Header, InfoBuilder, ObjectBuilder, OpenApi, OpenApiBuilder, Paths, Ref,
    RefOr, Required, Response as Answer, ResponseBuilder, Type,
};
use utoipa::{PartialSchema, ToSchema};

use super::super::problem::{Document, Kind};
use super::super::routes::{About, Described};
use super::flat::{Schemas, flat, flat_one};

const TITLE: &str = "caigunn-webhook";

const DESCRIPTION: &str = "What the receiver answers. The public address has /webhook, /healthz and /readyz; the admin \
                           address has all the others, and /healthz and /readyz too. Each answer to a request that could \
                           be read has its id, a UUIDv7, in the header x-request-id.";

/// How the admin token is called.
const BEARER: &str = "admin_token";

/// The document of what is said of these routes.
pub fn document<'a>(described: impl Iterator<Item = &'a Described>) -> String {
    let mut paths = Paths::new();
    let mut schemas = BTreeMap::from([(Document::name().into_owned(), Document::schema())]);
    let mut found = Vec::new();
    Document::schemas(&mut found);
    for Described { path, method, about } in described {
        paths.add_path_operation(path, vec![method.clone()], operation(path, method, about));
        found.extend(about.schemas.iter().cloned());
    }
    schemas.extend(found.into_iter().map(|(name, schema)| (name, open(schema))));
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer);
    let bearer = bearer.description(Some(
        "Without a token in the settings only clients on the same machine are served.",
    ));
    let components = reached(&paths, flat(&schemas))
        .into_iter()
        .fold(ComponentsBuilder::new(), |all, (name, schema)| {
            all.schema(name, schema)
        })
        .security_scheme(BEARER, SecurityScheme::Http(bearer.build()));
    let info = InfoBuilder::new()
        .title(TITLE)
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(DESCRIPTION));
    let document: OpenApi = OpenApiBuilder::new()
        .info(info)
        .paths(paths)
        .components(Some(components.build()))
        .build();
    let text = document
        .to_pretty_json()
        .expect("texts and numbers have a JSON form");
    text + "\n"
}

fn header(description: &str) -> Header {
    let mut header = Header::new(String::schema());
    header.description = Some(description.to_owned());
    header
}

fn of_header(name: &HeaderName) -> &'static str {
    match *name {
        RETRY_AFTER => "In how many seconds to ask again.",
        WWW_AUTHENTICATE => "How a token is shown.",
        _ => "",
    }
}

/// A type as it is answered: a later version may have more members. What is taken is refused where it has others.
fn open(mut schema: RefOr<Schema>) -> RefOr<Schema> {
    if let RefOr::T(Schema::Object(object)) = &mut schema
        && let Some(AdditionalProperties::FreeForm(false)) = object.additional_properties.as_deref()
    {
        object.additional_properties = None;
    }
    schema
}

/// Those of the types that something in the paths is of, or has in it.
fn reached(paths: &Paths, mut schemas: Schemas) -> Schemas {
    let mut kept = Schemas::new();
    let mut names = BTreeSet::new();
    add_names(&json!(paths), &mut names);
    while let Some(name) = names.pop_first() {
        if let Some(schema) = schemas.remove(&name) {
            add_names(&json!(schema), &mut names);
            kept.insert(name, schema);
        }
    }
    kept
}

/// Adds the names of the types that a part of the document refers to.
fn add_names(part: &Value, names: &mut BTreeSet<String>) {
    match part {
        Value::Object(members) => {
            let name = members.get("$ref").and_then(Value::as_str);
            let name = name.and_then(|reference| reference.rsplit('/').next());
            names.extend(name.map(str::to_owned));
            members.values().for_each(|member| add_names(member, names));
        }
        Value::Array(items) => items.iter().for_each(|item| add_names(item, names)),
        _ => {}
    }
}

fn operation(path: &str, method: &HttpMethod, about: &About) -> Operation {
    let verb = match method {
        HttpMethod::Post => "post",
        _ => "get",
    };
    let names = path.split('/').filter(|part| !["", "api", "v1"].contains(part));
    let names = names.map(|part| part.trim_matches(['{', '}']).replace(['.', '-'], "_"));
    let id = [verb.to_owned()]
        .into_iter()
        .chain(names)
        .collect::<Vec<_>>()
        .join("_");
    let mut operation = OperationBuilder::new()
        .tag(if about.is_guarded { "admin" } else { "public" })
        .summary(Some(about.summary))
        .operation_id(Some(id))
        .parameters(Some(
            path_parameters(path).chain(about.parameters.iter().cloned()),
        ));
    if let Some(content) = &about.request {
        let mut content = content.clone();
        content.schema = content.schema.map(|schema| flat_one(&schema, &Schemas::new()));
        let body = RequestBodyBuilder::new().content("application/json", content);
        operation = operation.request_body(Some(body.required(Some(Required::True)).build()));
    }
    if about.is_guarded {
        operation = operation.security(SecurityRequirement::new(BEARER, [""; 0]));
        operation = operation.security(SecurityRequirement::default());
    }
    for answers in &about.answers {
        let mut response = ResponseBuilder::new().description(answers.description);
        for (media, content) in &answers.contents {
            response = response.content(*media, content.clone());
        }
        operation = operation.response(answers.status.as_str(), response.build());
    }
    for (status, response) in refusals(path, about) {
        operation = operation.response(status.as_str(), response);
    }
    operation.build()
}

/// The parameters in a path: ids of ours, or names.
fn path_parameters(path: &str) -> impl Iterator<Item = Parameter> {
    let names = path.split('{').skip(1).filter_map(|rest| rest.split('}').next());
    names.map(|name| {
        let mut schema = ObjectBuilder::new().schema_type(Type::String);
        if name.ends_with("id") {
            schema = schema.format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)));
        }
        ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .schema(Some(schema))
            .build()
    })
}

/// How a route refuses, by status: with a problem document, but for what is refused before it is a request.
fn refusals(path: &str, about: &About) -> BTreeMap<StatusCode, Answer> {
    let mut kinds: BTreeMap<StatusCode, (Vec<String>, BTreeMap<String, Header>)> = BTreeMap::new();
    let of_path = [Kind::NotFound];
    let of_path = of_path.iter().filter(|_| about.is_guarded && path.contains('{'));
    for kind in Kind::OF_ANY_REQUEST.iter().chain(of_path).chain(&about.refusals) {
        let (status, name, title) = kind.parts();
        let said = format!("`{name}`: {title}.");
        let (all, headers) = kinds.entry(status).or_default();
        if !all.contains(&said) {
            all.push(said);
        }
        // What becomes of the connection is no affair of whoever is answered.
        let told = kind.header().filter(|(name, _)| *name != CONNECTION);
        headers.extend(told.map(|(name, _)| (name.to_string(), header(of_header(&name)))));
    }
    let response = |(said, headers): (Vec<String>, BTreeMap<String, Header>)| {
        let problem = Content::new(Some(Ref::from_schema_name(Document::name())));
        let response = ResponseBuilder::new()
            .description(said.join(" "))
            .content("application/problem+json", problem);
        let headers = headers.into_iter();
        let response = headers.fold(response, |all, (name, header)| all.header(name, header));
        response.build()
    };
    let answers = kinds.into_iter();
    let mut answers: BTreeMap<_, _> = answers.map(|(status, said)| (status, response(said))).collect();
    let too_large = "The head has more than is taken. There is no document.";
    let too_large = ResponseBuilder::new().description(too_large).build();
    answers.insert(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, too_large);
    answers
}
