//! Routes, each written once: what answers it, what the log calls it, and what the OpenAPI document says of it.

use axum::Router;
use axum::handler::Handler;
use axum::http::StatusCode;
use axum::routing::{MethodRouter, get, post};
use utoipa::openapi::path::{HttpMethod, Parameter, ParameterIn};
use utoipa::openapi::schema::{Schema, SchemaType};
use utoipa::openapi::{Content, Ref, RefOr, Type};
use utoipa::{IntoParams, PartialSchema, ToSchema};

use super::problem::Kind;

/// Routes, what the log calls them, and, in tests alone, what is said of them: docs/openapi.json is made of that, and the
/// program hands the file out, so that what makes it is no part of the program.
pub struct Routes<S = ()> {
    pub router: Router<S>,
    pub paths: Vec<&'static str>,
    #[cfg(test)]
    pub described: Vec<Described>,
}

/// A route, as it is said what it does.
#[cfg(test)]
pub struct Described {
    /// With the names of parameters in place of their values.
    pub path: &'static str,
    pub method: HttpMethod,
    pub about: About,
}

/// What is said of a route.
#[cfg_attr(not(test), allow(dead_code, reason = "tests alone read it"))]
pub struct About {
    pub summary: &'static str,
    pub parameters: Vec<Parameter>,
    /// What may be posted, and whether it must.
    pub request: Option<Content>,
    pub answers: Vec<Answers>,
    pub refusals: Vec<Kind>,
    /// The types that answers and parameters are of, by name.
    pub schemas: Vec<(String, RefOr<Schema>)>,
    /// Whether the admin token is asked for.
    pub is_guarded: bool,
}

/// What a route answers when all is well.
#[cfg_attr(not(test), allow(dead_code, reason = "tests alone read it"))]
pub struct Answers {
    pub status: StatusCode,
    pub description: &'static str,
    /// By media type.
    pub contents: Vec<(&'static str, Content)>,
}

const JSON: &str = "application/json";

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    pub fn new() -> Self {
        Self {
            router: Router::new(),
            paths: Vec::new(),
            #[cfg(test)]
            described: Vec::new(),
        }
    }

    pub fn get<T: 'static>(
        self,
        path: &'static str,
        handler: impl Handler<T, S>,
        about: impl FnOnce() -> About,
    ) -> Self {
        self.route(path, get(handler), HttpMethod::Get, about)
    }

    pub fn post<T: 'static>(
        self,
        path: &'static str,
        handler: impl Handler<T, S>,
        about: impl FnOnce() -> About,
    ) -> Self {
        self.route(path, post(handler), HttpMethod::Post, about)
    }

    #[cfg_attr(
        not(test),
        expect(
            unused_variables,
            clippy::needless_pass_by_value,
            reason = "tests alone ask what is said of a route"
        )
    )]
    fn route(
        mut self,
        path: &'static str,
        handler: MethodRouter<S>,
        method: HttpMethod,
        about: impl FnOnce() -> About,
    ) -> Self {
        self.paths.push(path);
        #[cfg(test)]
        self.described.push(Described {
            path,
            method,
            about: about(),
        });
        Self {
            router: self.router.route(path, handler),
            ..self
        }
    }

    /// These and those.
    pub fn merge(mut self, other: Self) -> Self {
        self.paths.extend(other.paths);
        #[cfg(test)]
        self.described.extend(other.described);
        Self {
            router: self.router.merge(other.router),
            ..self
        }
    }

    pub fn with_state(self, state: S) -> Router {
        self.router.with_state(state)
    }
}

/// The route of a path; empty if there is none. A path may hold a token, so it is never logged itself.
pub fn route_of(path: &str, routes: &[&'static str]) -> &'static str {
    let matches = |route: &&&'static str| {
        let (mut segments, mut pattern) = (path.split('/'), route.split('/'));
        loop {
            match (segments.next(), pattern.next()) {
                (None, None) => return true,
                (Some(segment), Some(name)) if segment == name || name.starts_with('{') => {}
                (_, _) => return false,
            }
        }
    };
    routes.iter().find(matches).copied().unwrap_or_default()
}

impl About {
    /// A route of which nothing is said yet but this.
    pub fn new(summary: &'static str) -> Self {
        Self {
            summary,
            parameters: Vec::new(),
            request: None,
            answers: Vec::new(),
            refusals: Vec::new(),
            schemas: Vec::new(),
            is_guarded: false,
        }
    }

    /// One of the admin side's, for whoever has its token.
    pub fn guarded(summary: &'static str) -> Self {
        Self {
            is_guarded: true,
            ..Self::new(summary).refuses(&Kind::OF_ADMIN_SIDE)
        }
    }

    /// It takes the members of `Q` in its query, and refuses any other.
    pub fn query<Q: IntoParams>(mut self) -> Self {
        let mut parameters = Q::into_params(|| Some(ParameterIn::Query));
        for parameter in &mut parameters {
            parameter.schema = parameter.schema.take().map(without_null);
        }
        self.parameters.extend(parameters);
        self.refuses(&[Kind::InvalidQuery])
    }

    /// It takes that as its body.
    pub fn request(mut self, schema: impl Into<RefOr<Schema>>) -> Self {
        self.request = Some(Content::new(Some(schema)));
        self.refuses(&Kind::OF_BODIES)
    }

    /// It answers with a `T`.
    pub fn answers<T: ToSchema>(self, description: &'static str) -> Self {
        self.answers_with::<T>(StatusCode::OK, description)
    }

    /// It answers with a `T` under another status.
    pub fn answers_with<T: ToSchema>(mut self, status: StatusCode, description: &'static str) -> Self {
        let name = T::name().into_owned();
        let content = Content::new(Some(Ref::from_schema_name(&name)));
        self.schemas.push((name, T::schema()));
        T::schemas(&mut self.schemas);
        self.answers_as(status, description, vec![(JSON, content)])
    }

    /// It answers with text of these types.
    pub fn answers_text(self, description: &'static str, types: &[&'static str]) -> Self {
        let contents = types
            .iter()
            .map(|media| (*media, Content::new(Some(String::schema()))));
        self.answers_as(StatusCode::OK, description, contents.collect())
    }

    /// It answers with a JSON object that is described elsewhere.
    pub fn answers_object(self, description: &'static str) -> Self {
        let object = utoipa::openapi::ObjectBuilder::new().build();
        self.answers_as(
            StatusCode::OK,
            description,
            vec![(JSON, Content::new(Some(object)))],
        )
    }

    fn answers_as(
        mut self,
        status: StatusCode,
        description: &'static str,
        contents: Vec<(&'static str, Content)>,
    ) -> Self {
        self.answers.push(Answers {
            status,
            description,
            contents,
        });
        self
    }

    /// It may refuse so.
    pub fn refuses(mut self, kinds: &[Kind]) -> Self {
        self.refusals.extend(kinds);
        self
    }
}

/// A parameter's schema: one that is not given is not there, and none is ever null.
fn without_null(schema: RefOr<Schema>) -> RefOr<Schema> {
    match schema {
        RefOr::T(Schema::Object(mut object)) => {
            if let SchemaType::Array(types) = &mut object.schema_type {
                types.retain(|it| *it != Type::Null);
                if let [only] = &types[..] {
                    object.schema_type = SchemaType::Type(only.clone());
                }
            }
            RefOr::T(Schema::Object(object))
        }
        RefOr::T(Schema::OneOf(mut choice)) if choice.items.len() == 2 => choice.items.swap_remove(1),
        other => other,
    }
}
