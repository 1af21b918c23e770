//! One attribute and its condition.

use super::literal::{self, Answer, Unfit};
use super::resolver::{Resolver, is_secret, refused};
use super::tolerance;
use crate::error::{Error, Result};
use crate::filter::{Literal, Name, Operator, Predicate, Target, Test};
use crate::schema::AttributePath;

/// A test without its negation: `ne` is `not (… eq …)`, and null is the unassigned state
/// (RFC 7643 section 2.5), so `eq null` is `not (… pr)`.
#[derive(Clone, Copy)]
pub(super) enum FilterTest<'a> {
    Present,
    Compare(Operator, &'a Literal),
}

impl<'a> FilterTest<'a> {
    /// Whether the test is negated, and the positive test.
    pub(super) fn of(test: &'a Test) -> (bool, Self) {
        match test {
            Test::Present | Test::NotEqual(Literal::Null) => (false, Self::Present),
            Test::Compare(Operator::Equal, Literal::Null) => (true, Self::Present),
            Test::Compare(operator, literal) => (false, Self::Compare(*operator, literal)),
            Test::NotEqual(literal) => (true, Self::Compare(Operator::Equal, literal)),
        }
    }
}

/// An attribute of a filter, with the name sent by the client.
pub(super) struct Subject<'a> {
    pub(super) resolver: Resolver<'a>,
    pub(super) name: &'a Name,
    pub(super) path: AttributePath,
}

impl<'a> Subject<'a> {
    /// # Errors
    /// 400 `invalidFilter` for an unreadable attribute: a search would reveal its value.
    pub(super) fn new(resolver: Resolver<'a>, name: &'a Name, path: AttributePath) -> Result<Self> {
        if is_secret(&path) {
            return Err(refused(name, format!("\"{path}\" cannot be searched")));
        }
        resolver.may_search(name, &path)?;
        Ok(Self {
            resolver,
            name,
            path,
        })
    }

    pub(super) fn test(&self, test: FilterTest<'_>) -> Result<Predicate> {
        match test {
            FilterTest::Present => self.present(),
            FilterTest::Compare(operator, Literal::Null) => Err(self.refused(format!(
                "null has no order: it takes eq and ne, not {}",
                operator.as_str()
            ))),
            FilterTest::Compare(operator, literal) => self.compare(operator, literal),
        }
    }

    /// The condition that a single value of the attribute matches the predicate.
    pub(super) fn has_value(&self, predicate: Predicate) -> Result<Predicate> {
        if predicate.is_never() || predicate.is_always() || !self.path.is_multi_valued() {
            // The value of a single-valued attribute is always the selected one, so only its presence is tested.
            return Ok(Predicate::all([self.present()?, predicate]));
        }
        if negates(&predicate) {
            // A negation covers all values, so each must be searchable.
            self.present()?;
        }
        Ok(Predicate::Element {
            attribute: self.path.clone(),
            predicate: Box::new(predicate),
        })
    }

    pub(super) fn refused(&self, why: impl std::fmt::Display) -> Error {
        refused(self.name, why)
    }

    fn present(&self) -> Result<Predicate> {
        if self.is_always_assigned() {
            return Ok(Predicate::always());
        }
        if let Some(value) = self.relation_value() {
            return Ok(Predicate::Present(Target::Attribute(value)));
        }
        if self.path.sub.is_some() || !self.path.attribute.is_complex() {
            return Ok(Predicate::Present(Target::Attribute(self.path.clone())));
        }
        let subs = self
            .path
            .attribute
            .sub_attributes()
            .iter()
            .map(|sub| self.resolver.sub_path(&self.path, sub));
        self.resolver.any_present(self.name, subs)
    }

    /// `value` of a membership, if the path is the membership as a whole or its `$ref`: both exist if and only if
    /// `value` does.
    fn relation_value(&self) -> Option<AttributePath> {
        let whole_or_reference = self
            .path
            .sub
            .as_ref()
            .is_none_or(|sub| sub.name().as_ref() == "$ref");
        let value = self.path.attribute.sub_attribute("value")?;
        let is_it = whole_or_reference && self.resolver.is_relation(&self.path);
        is_it.then(|| self.resolver.sub_path(&self.path, value))
    }

    fn compare(&self, operator: Operator, literal: &Literal) -> Result<Predicate> {
        if let Some(predicate) = self.compare_common(operator, literal)? {
            return Ok(predicate);
        }
        let is_reference = self
            .path
            .sub
            .as_ref()
            .is_some_and(|sub| sub.name().as_ref() == "$ref");
        match self.relation_value() {
            Some(value) if is_reference => self.compare_reference(&value, operator, literal),
            _ => {
                let path = self.simple_path()?;
                self.compare_with(&path, Target::Attribute(path.clone()), operator, literal)
            }
        }
    }

    /// The path of the compared value: the path itself, or `value` of a complex attribute (RFC 7644 section 3.4.2.2,
    /// figure 2: `emails co "example.com"`).
    fn simple_path(&self) -> Result<AttributePath> {
        if !self.path.end().is_complex() {
            return Ok(self.path.clone());
        }
        let by_value =
            self.path.is_multi_valued() || tolerance::single_by_value(self.resolver.conformance);
        let value = self
            .path
            .attribute
            .sub_attribute("value")
            .filter(|_| by_value);
        let path = value.map(|value| self.resolver.sub_path(&self.path, value));
        path.filter(|path| !is_secret(path))
            .ok_or_else(|| self.no_value())
    }

    fn no_value(&self) -> Error {
        let subs = self.path.attribute.sub_attributes();
        let example = subs.first().map_or_else(String::new, |sub| {
            format!(", such as \"{}.{}\"", self.path, sub.name())
        });
        self.refused(format!(
            "\"{}\" is complex; name one of its sub-attributes{example}",
            self.path
        ))
    }

    /// Compares the values at `path`, which are found at `target`.
    pub(super) fn compare_with(
        &self,
        path: &AttributePath,
        target: Target,
        operator: Operator,
        literal: &Literal,
    ) -> Result<Predicate> {
        Ok(match self.answer(path, operator, literal)? {
            Answer::Compare(operator, key) => Predicate::Compare {
                target,
                operator,
                key,
            },
            Answer::Never => Predicate::never(),
            Answer::Assigned => Predicate::Present(target),
        })
    }

    pub(super) fn answer(
        &self,
        path: &AttributePath,
        operator: Operator,
        literal: &Literal,
    ) -> Result<Answer> {
        let answer = literal::answer(path.end(), operator, literal, self.resolver.conformance);
        answer.map_err(|Unfit { why, but }| {
            let logged = self.refused(format!("\"{path}\" {why}"));
            match but {
                None => logged,
                Some(but) => self
                    .refused(format!("\"{path}\" {why}, not with {but}"))
                    .logged_as(logged.detail()),
            }
        })
    }

    /// Compares `$ref` of a membership by `value`, from which responses derive it.
    fn compare_reference(
        &self,
        value: &AttributePath,
        operator: Operator,
        literal: &Literal,
    ) -> Result<Predicate> {
        let uri = self.equal_text(operator, literal)?;
        let id = Literal::Text(uri.rsplit('/').next().unwrap_or(uri).to_owned());
        self.compare_with(value, Target::Attribute(value.clone()), operator, &id)
    }

    /// The compared text of an `eq`, for attributes whose values are derived in responses.
    pub(super) fn equal_text<'l>(
        &self,
        operator: Operator,
        literal: &'l Literal,
    ) -> Result<&'l str> {
        match (operator, literal) {
            (Operator::Equal, Literal::Text(text)) => Ok(text),
            (Operator::Equal, Literal::Number(text)) if self.resolver.conformance.is_lenient() => {
                Ok(text)
            }
            (Operator::Equal, _) => {
                Err(self.refused(format!("\"{}\" is compared with a string", self.path)))
            }
            _ => Err(self.refused(format!(
                "\"{}\" takes eq, ne and pr, not {}",
                self.path,
                operator.as_str()
            ))),
        }
    }
}

fn negates(predicate: &Predicate) -> bool {
    match predicate {
        Predicate::Not(_) => true,
        Predicate::All(terms) | Predicate::Any(terms) => terms.iter().any(negates),
        _ => false,
    }
}
