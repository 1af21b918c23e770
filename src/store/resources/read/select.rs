//! Compiles a predicate to SQL: set algebra over the index of values.
//!
//! Every part yields a set of `seq`, or of `seq, element` within a value path. A conjunction starts from its most
//! selective part; other equalities are looked up in the index, other parts are sets. There is no correlated subquery
//! over a range, and no `not in`, which PostgreSQL executes row by row if the set is larger than its memory.

use crate::filter::{Operator, Predicate, Target};
use crate::resource::Key;
use crate::schema::AttributePath;
use crate::store::db::sql::Sql;
use crate::store::resources::by_id::by_id;
use crate::store::resources::ids::{CatalogIds, TypeIds};
use crate::store::resources::index_key::compare;
use crate::store::resources::read::columns;
use crate::store::resources::read::relation::{self, RelationSelect};
use crate::store::resources::read::scan::{self, Of, Scan};
use crate::store::resources::read::selectivity::selectivity;
use crate::store::resources::seq::keys_of_type;

impl Of {
    fn columns(self) -> &'static str {
        match self {
            Self::Resources => "seq",
            Self::Elements => "seq, element",
        }
    }

    fn driven(self) -> &'static str {
        match self {
            Self::Resources => "d.seq",
            Self::Elements => "d.seq, d.element",
        }
    }
}

/// Compiles the predicates of one resource type in one tenant.
#[derive(Debug)]
pub(in crate::store) struct Select<'a> {
    pub(in crate::store) tenant: i64,
    pub(in crate::store) layout: &'a CatalogIds,
    pub(in crate::store) of_type: &'a TypeIds,
    pub(in crate::store) sql: &'a mut Sql,
}

impl Select<'_> {
    /// Appends a query for the matching resources; each occurs once.
    pub(in crate::store) fn resources(&mut self, predicate: &Predicate) {
        self.set(predicate, Of::Resources, None);
    }

    /// Appends a query for the matching values of an attribute.
    pub(in crate::store) fn elements(&mut self, predicate: &Predicate, attribute: &AttributePath) {
        if self.of_type.resource_type.is_relation(attribute) {
            return relation::elements(&mut self.relation(), attribute, Some(predicate));
        }
        self.set(predicate, Of::Elements, Some(attribute));
    }

    /// Appends a query for the matching set. `within` is the attribute whose elements are meant.
    fn set(&mut self, predicate: &Predicate, of: Of, within: Option<&AttributePath>) {
        match predicate {
            Predicate::All(parts) => self.conjunction(parts, of, within),
            Predicate::Any(parts) => self.disjunction(parts, of, within),
            Predicate::Not(part) => self.conjunction(
                std::slice::from_ref(&Predicate::Not(part.clone())),
                of,
                within,
            ),
            Predicate::Present(Target::Attribute(path))
            | Predicate::Compare {
                target: Target::Attribute(path),
                ..
            } if self.of_type.resource_type.is_relation(path) => {
                self.sql.raw("select distinct seq from (");
                relation::elements(&mut self.relation(), path, Some(predicate));
                self.sql.raw(") as related");
            }
            Predicate::Present(target) => self.leaf(target, None, of),
            Predicate::Compare {
                target,
                operator,
                key,
            } => self.leaf(target, Some((*operator, key)), of),
            Predicate::Element {
                attribute,
                predicate,
            } => {
                self.sql.raw("select distinct seq from (");
                self.elements(predicate, attribute);
                self.sql.raw(") as elements");
            }
        }
    }

    fn relation(&mut self) -> RelationSelect<'_> {
        RelationSelect {
            tenant: self.tenant,
            layout: self.layout,
            of_type: self.of_type,
            sql: self.sql,
        }
    }

    fn scan(&mut self) -> Scan<'_> {
        Scan {
            tenant: self.tenant,
            type_id: self.of_type.type_id,
            sql: self.sql,
        }
    }

    fn operand(&mut self, predicate: &Predicate, of: Of, within: Option<&AttributePath>) {
        self.sql.raw("select ").raw(of.columns()).raw(" from (");
        self.set(predicate, of, within);
        self.sql.raw(") as operand");
    }

    fn disjunction(&mut self, parts: &[Predicate], of: Of, within: Option<&AttributePath>) {
        if parts.is_empty() {
            self.sql
                .raw("select ")
                .raw(of.columns())
                .raw(" from attribute_value where 1 = 0");
        }
        let (present, others): (Vec<_>, Vec<_>) =
            parts.iter().partition(|part| self.presence(part).is_some());
        let present: Vec<(i64, bool)> = present
            .into_iter()
            .filter_map(|part| self.presence(part))
            .collect();
        let mut is_first = true;
        for is_unique in [false, true] {
            let attributes: Vec<i64> = present
                .iter()
                .filter(|one| one.1 == is_unique)
                .map(|one| one.0)
                .collect();
            if !attributes.is_empty() {
                self.sql.raw(if is_first { "" } else { " union " });
                self.any_value(&attributes, is_unique, of);
                is_first = false;
            }
        }
        let scanned: Vec<i64> = parts.iter().filter_map(|part| self.scanned(part)).collect();
        if !scanned.is_empty() {
            self.sql.raw(" union ");
            scan::any_value(&mut self.scan(), &scanned, of);
        }
        for part in others {
            self.sql.raw(if is_first { "" } else { " union " });
            self.operand(part, of, within);
            is_first = false;
        }
    }

    /// The id of the attribute, and whether it is unique, if the part tests only the presence of a value and the index
    /// is sufficient.
    fn presence(&self, part: &Predicate) -> Option<(i64, bool)> {
        match part {
            Predicate::Present(Target::Attribute(path)) => self
                .of_type
                .attribute(path)
                .map(|number| (number, path.end().is_unique())),
            _ => None,
        }
    }

    /// The id of the attribute, if the part tests only the presence of a value, which can be scanned.
    fn scanned(&self, part: &Predicate) -> Option<i64> {
        match part {
            Predicate::Present(Target::Attribute(path)) if self.of_type.is_scanned(path) => {
                self.of_type.attribute(path)
            }
            _ => None,
        }
    }

    /// Selects resources that have a value of one of the attributes, with one scan for all attributes.
    fn any_value(&mut self, attributes: &[i64], is_unique: bool, of: Of) {
        self.sql
            .raw("select distinct ")
            .raw(of.columns())
            .raw(" from attribute_value where tenant = ")
            .int(self.tenant);
        self.attribute_in(attributes);
        self.sql
            .raw(if is_unique {
                " and is_unique"
            } else {
                " and not is_unique"
            })
            .raw(" and key <> ''");
    }

    fn attribute_in(&mut self, attributes: &[i64]) {
        self.sql.raw(" and attribute in (");
        for (i, number) in attributes.iter().enumerate() {
            self.sql.raw(if i > 0 { ", " } else { "" }).int(*number);
        }
        self.sql.raw(")");
    }

    fn conjunction(&mut self, parts: &[Predicate], of: Of, within: Option<&AttributePath>) {
        let (without, with): (Vec<_>, Vec<_>) = parts
            .iter()
            .partition(|part| matches!(part, Predicate::Not(_)));
        let driver = with
            .iter()
            .copied()
            .max_by_key(|part| selectivity(self.of_type, part));
        self.sql.raw("select ").raw(of.driven()).raw(" from (");
        match driver {
            Some(driver) => self.set(driver, of, within),
            None => self.universe(of, within),
        }
        self.sql.raw(") as d where 1 = 1");
        for part in with
            .into_iter()
            .filter(|part| driver.is_none_or(|driver| !std::ptr::eq(*part, driver)))
        {
            self.sql.raw(" and ");
            if !self.point(part, of) {
                self.sql.raw("(").raw(of.driven()).raw(") in (");
                self.operand(part, of, within);
                self.sql.raw(")");
            }
        }
        let mut excluded = Vec::new();
        for part in without {
            let Predicate::Not(part) = part else { continue };
            match self.is_point(part) {
                true => {
                    self.sql.raw(" and not ");
                    self.point(part, of);
                }
                false => excluded.push(part),
            }
        }
        for part in excluded {
            self.sql.raw(" except ");
            self.operand(part, of, within);
        }
    }

    fn is_point(&self, predicate: &Predicate) -> bool {
        match predicate {
            Predicate::Compare {
                target: Target::Attribute(path),
                operator: Operator::Equal,
                ..
            } => self.of_type.attribute(path).is_some(),
            _ => false,
        }
    }

    /// Adds a lookup of the driving row's value, for an equality.
    fn point(&mut self, predicate: &Predicate, of: Of) -> bool {
        let Predicate::Compare {
            target: Target::Attribute(path),
            operator: Operator::Equal,
            key,
        } = predicate
        else {
            return false;
        };
        let Some(attribute) = self.of_type.attribute(path) else {
            return false;
        };
        let is_scanned = self.of_type.is_scanned(path);
        if is_scanned {
            self.sql.raw("(");
            scan::has_value(&mut self.scan(), attribute, key, of);
            self.sql.raw(" or ");
        }
        self.sql
            .raw("exists (select 1 from attribute_value v where ");
        self.value_rows(attribute, path, Some((Operator::Equal, key)));
        self.sql.raw(" and v.seq = d.seq");
        if of == Of::Elements {
            self.sql.raw(" and v.element = d.element");
        }
        // The limit prevents PostgreSQL from converting this to a join, which would read every row with the value.
        self.sql.raw(" limit 1 offset 0)");
        self.sql.raw(if is_scanned { ")" } else { "" });
        true
    }

    /// The set from which a negation is subtracted.
    fn universe(&mut self, of: Of, within: Option<&AttributePath>) {
        match (of, within) {
            (Of::Elements, Some(attribute)) => self.elements_of(attribute),
            _ => {
                let keys = keys_of_type(self.of_type.type_id);
                self.sql
                    .raw("select seq from resource where tenant = ")
                    .int(self.tenant);
                self.sql
                    .raw(" and seq >= ")
                    .int(keys.start)
                    .raw(" and seq < ")
                    .int(keys.end);
            }
        }
    }

    /// All values of a multi-valued attribute: each has at least one row.
    fn elements_of(&mut self, attribute: &AttributePath) {
        let leaves = self.of_type.resource_type.leaves().iter();
        let own = leaves.filter(|leaf| {
            leaf.container == attribute.container
                && leaf.attribute.name() == attribute.attribute.name()
        });
        let numbered = own.filter_map(|leaf| {
            let number = self.of_type.attribute(leaf)?;
            Some((number, self.of_type.is_scanned(leaf)))
        });
        let numbered: Vec<(i64, bool)> = numbered.collect();
        let numbers: Vec<i64> = numbered.iter().map(|(number, _)| *number).collect();
        self.sql
            .raw("select distinct seq, element from attribute_value where tenant = ")
            .int(self.tenant);
        self.attribute_in(&numbers);
        self.sql.raw(" and not is_unique");
        let scanned = numbered.iter().filter(|(_, is_scanned)| *is_scanned);
        let scanned: Vec<i64> = scanned.map(|(number, _)| *number).collect();
        if !scanned.is_empty() {
            self.sql.raw(" union ");
            scan::elements(&mut self.scan(), &scanned);
        }
    }

    fn leaf(&mut self, target: &Target, comparison: Option<(Operator, &Key)>, of: Of) {
        match target {
            Target::Attribute(path) => self.values(path, comparison, of),
            _ => self.column(target, comparison),
        }
    }

    fn values(&mut self, path: &AttributePath, comparison: Option<(Operator, &Key)>, of: Of) {
        let Some(attribute) = self.of_type.attribute(path) else {
            return self.disjunction(&[], of, None);
        };
        let many = match of {
            Of::Resources => path.is_multi_valued(),
            Of::Elements => path.sub.as_ref().is_some_and(|sub| sub.is_multi_valued()),
        };
        self.sql
            .raw(if many { "select distinct " } else { "select " })
            .raw(match of {
                Of::Resources => "v.seq",
                Of::Elements => "v.seq, v.element",
            });
        self.sql.raw(" from attribute_value v where ");
        self.value_rows(attribute, path, comparison);
        if self.of_type.is_scanned(path) {
            self.sql.raw(" union ");
            scan::values(&mut self.scan(), attribute, comparison, of);
        }
    }

    fn value_rows(
        &mut self,
        attribute: i64,
        path: &AttributePath,
        comparison: Option<(Operator, &Key)>,
    ) {
        self.sql
            .raw("v.tenant = ")
            .int(self.tenant)
            .raw(" and v.attribute = ")
            .int(attribute);
        self.sql.raw(if path.end().is_unique() {
            " and v.is_unique and "
        } else {
            " and not v.is_unique and "
        });
        match comparison {
            Some((operator, key)) => compare(self.sql, "v.key", Some("v.tail"), operator, key),
            None => {
                self.sql.raw("v.key <> ''");
            }
        }
    }

    /// Selects the resources that meet a condition on their columns.
    fn column(&mut self, target: &Target, comparison: Option<(Operator, &Key)>) {
        if let (Target::Id, Some((Operator::Equal, key))) = (target, comparison)
            && let Some(id) = columns::id_of(key)
        {
            self.sql
                .raw("select seq from resource where tenant + 0 = ")
                .int(self.tenant)
                .raw(" and ");
            by_id(self.sql, id, &[self.of_type.type_id]);
            return;
        }
        self.universe(Of::Resources, None);
        if let Some((operator, key)) = comparison {
            self.sql.raw(" and ");
            columns::compare_column(self.sql, target, operator, key);
        }
    }
}
