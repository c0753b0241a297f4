//! Types that have others in them, as what they are on the wire: one object, or one of several. Generators of clients merge
//! `allOf` in ways of their own, and where a part of it is a choice they merge wrongly or leave the type out.

use std::collections::BTreeMap;

use utoipa::openapi::schema::{OneOf, Schema};
use utoipa::openapi::{Object, RefOr, Type};

pub type Schemas = BTreeMap<String, RefOr<Schema>>;

/// Those types, each with all that its parts have, and without defaults: an answer has what it has, and a request that
/// leaves a member out means that.
pub fn flat(schemas: &Schemas) -> Schemas {
    let made = schemas
        .iter()
        .map(|(name, schema)| (name.clone(), flat_one(schema, schemas)));
    made.collect()
}

/// As [`flat`], of one type that has the others in it.
pub fn flat_one(schema: &RefOr<Schema>, all: &Schemas) -> RefOr<Schema> {
    let (description, mut forms) = match schema {
        RefOr::T(Schema::AllOf(parts)) => (parts.description.clone(), forms(schema, all)),
        RefOr::T(Schema::OneOf(choice)) if choice.items.iter().any(is_of_parts) => {
            (choice.description.clone(), forms(schema, all))
        }
        RefOr::T(Schema::Object(object)) => (object.description.clone(), vec![without_defaults(object)]),
        other => return other.clone(),
    };
    match forms.pop() {
        Some(mut only) if forms.is_empty() => {
            only.description = description;
            only.into()
        }
        last => Schema::OneOf(OneOf {
            items: forms.into_iter().chain(last).map(RefOr::from).collect(),
            description,
            ..OneOf::new()
        })
        .into(),
    }
}

fn is_of_parts(schema: &RefOr<Schema>) -> bool {
    matches!(schema, RefOr::T(Schema::AllOf(_)))
}

/// What an object of that type may be.
///
/// # Panics
/// It is no object.
fn forms(schema: &RefOr<Schema>, all: &Schemas) -> Vec<Object> {
    match schema {
        RefOr::Ref(reference) => {
            let name = reference.ref_location.rsplit('/').next().unwrap_or_default();
            forms(&all[name], all)
        }
        RefOr::T(Schema::Object(object)) => vec![without_defaults(object)],
        RefOr::T(Schema::OneOf(choice)) => choice.items.iter().flat_map(|item| forms(item, all)).collect(),
        RefOr::T(Schema::AllOf(parts)) => {
            let nothing = Object::with_type(Type::Object);
            parts.items.iter().fold(vec![nothing], |made, part| {
                let forms = forms(part, all);
                let both = |one: &Object| forms.iter().map(|other| merged(one, other)).collect::<Vec<_>>();
                made.iter().flat_map(both).collect()
            })
        }
        RefOr::T(_) => panic!("only objects are put together"),
    }
}

/// All that both have. What is said of them is what is said of the first.
fn merged(one: &Object, other: &Object) -> Object {
    let mut both = one.clone();
    both.description = both.description.or_else(|| other.description.clone());
    both.required.extend(other.required.iter().cloned());
    let members = other.properties.iter();
    both.properties
        .extend(members.map(|(name, schema)| (name.clone(), schema.clone())));
    both
}

fn without_defaults(object: &Object) -> Object {
    let mut object = object.clone();
    for member in object.properties.values_mut() {
        match member {
            RefOr::T(Schema::Object(value)) => value.default = None,
            RefOr::T(Schema::Array(items)) => items.default = None,
            RefOr::T(Schema::OneOf(choice)) => choice.default = None,
            RefOr::T(_) | RefOr::Ref(_) => {}
        }
    }
    object
}
