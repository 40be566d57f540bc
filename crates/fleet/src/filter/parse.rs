//! Conditions as the user writes them.

use std::cmp::Ordering;

use sqlparser::ast::{self, BinaryOperator, Expr, UnaryOperator};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

use super::value::{Answer, Value, Wild, is_like};
use super::{Known, columns, is_column};
use crate::labels::time;

/// Nobody writes more.
const MAX_LEN: usize = 16 << 10;

/// A condition.
#[derive(Clone, Debug)]
pub struct Filter(Node);

#[derive(Clone, Debug)]
enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Compare(Operand, fn(Ordering) -> bool, Operand),
    In(Operand, Vec<Value>),
    Like(Operand, Vec<Wild>, bool),
    IsNull(Operand),
    Holds(Operand),
}

#[derive(Clone, Debug)]
enum Operand {
    Column(String),
    Label(String),
    Literal(Value),
}

/// What values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
    Time,
    Flag,
}

impl Kind {
    fn of_column(name: &str) -> Self {
        match name {
            "start" | "time" | "time_bucket" => Self::Time,
            "has_lens_labels" => Self::Flag,
            "position" | "start_ns" | "duration_ns" | "lost" | "resolved_share" | "period"
            | "weight" | "count" => Self::Number,
            _ => Self::Text,
        }
    }

    fn of_value(value: &Value) -> Option<Self> {
        match value {
            Value::Text(_) => Some(Self::Text),
            Value::Number(_) | Value::Fraction(_) => Some(Self::Number),
            Value::Time(_) | Value::Times(..) => Some(Self::Time),
            Value::Flag(_) => Some(Self::Flag),
            Value::Null | Value::Unknown => None,
        }
    }

    fn shown(self) -> &'static str {
        match self {
            Self::Text => "a text in quotes, such as 'edge'",
            Self::Number => "a number",
            Self::Time => "a time, such as '2026-01-02T03:04:05Z'",
            Self::Flag => "true or false",
        }
    }
}

impl std::str::FromStr for Filter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.len() > MAX_LEN {
            return Err(format!("a condition has at most {MAX_LEN} bytes"));
        }
        let failed = |error: sqlparser::parser::ParserError| error.to_string();
        let mut parser = Parser::new(&GenericDialect {}).try_with_sql(text).map_err(failed)?;
        let expr = parser.parse_expr().map_err(failed)?;
        let next = parser.peek_token();
        if next.token != Token::EOF {
            return Err(format!("what is `{next}` doing behind the condition?"));
        }
        Ok(Self(node(&expr)?))
    }
}

impl Filter {
    /// What it says of what is known.
    pub fn ask(&self, known: &Known<'_>) -> Answer {
        self.0.ask(known)
    }
}

impl Node {
    fn ask(&self, known: &Known<'_>) -> Answer {
        match self {
            Self::All(nodes) => {
                nodes.iter().fold(Answer::Yes, |answer, node| answer.and(node.ask(known)))
            }
            Self::Any(nodes) => {
                nodes.iter().fold(Answer::No, |answer, node| answer.or(node.ask(known)))
            }
            Self::Not(node) => node.ask(known).not(),
            Self::Compare(one, holds, other) => {
                one.value(known).compare(&other.value(known), *holds)
            }
            Self::In(operand, values) => {
                let value = operand.value(known);
                let equals = values.iter().map(|one| value.compare(one, Ordering::is_eq));
                equals.fold(Answer::No, Answer::or)
            }
            Self::Like(operand, pattern, is_insensitive) => match operand.value(known) {
                Value::Text(text) if *is_insensitive => {
                    Answer::of(is_like(&text.to_lowercase(), pattern))
                }
                Value::Text(text) => Answer::of(is_like(&text, pattern)),
                Value::Unknown => Answer::Unknown,
                _ => Answer::Null,
            },
            Self::IsNull(operand) => operand.value(known).is_null(),
            Self::Holds(operand) => {
                operand.value(known).compare(&Value::Flag(true), Ordering::is_eq)
            }
        }
    }
}

impl Operand {
    fn value(&self, known: &Known<'_>) -> Value {
        match self {
            Self::Column(name) => known.value(name),
            Self::Label(key) => known.label(key),
            Self::Literal(value) => value.clone(),
        }
    }

    fn kind(&self) -> Option<Kind> {
        match self {
            Self::Column(name) => Some(Kind::of_column(name)),
            Self::Label(_) => Some(Kind::Text),
            Self::Literal(value) => Kind::of_value(value),
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Column(name) => format!("`{name}`"),
            Self::Label(key) => format!("`labels.{key}`"),
            Self::Literal(_) => "it".to_owned(),
        }
    }

    /// The operand as one that can be compared with another.
    fn beside(self, other: &Self) -> Result<Self, String> {
        let Some(wanted) = other.kind() else { return Ok(self) };
        let made = match (self, wanted) {
            (Self::Literal(Value::Text(text)), Kind::Time) => {
                let nanos = time(&text).ok_or_else(|| format!("`{text}` is no time"))?;
                Self::Literal(Value::Time(nanos.div_euclid(1000)))
            }
            (made, _) => made,
        };
        match made.kind() {
            Some(kind) if kind != wanted => {
                Err(format!("{} is to be compared with {}", other.shown(), wanted.shown()))
            }
            _ => Ok(made),
        }
    }
}

fn node(expr: &Expr) -> Result<Node, String> {
    match expr {
        Expr::Nested(expr) => node(expr),
        Expr::UnaryOp { op: UnaryOperator::Not, expr } => Ok(Node::Not(Box::new(node(expr)?))),
        Expr::BinaryOp { left, op, right } => binary(left, op, right),
        Expr::InList { expr, list, negated } => {
            let operand = operand(expr)?;
            let mut values = Vec::new();
            for item in list {
                match self::operand(item)?.beside(&operand)? {
                    Operand::Literal(value) => values.push(value),
                    _ => return Err("a list has values, not columns".to_owned()),
                }
            }
            Ok(negate(*negated, Node::In(operand, values)))
        }
        Expr::Between { expr, negated, low, high } => {
            let at_least = compare(operand(expr)?, Ordering::is_ge, operand(low)?)?;
            let at_most = compare(operand(expr)?, Ordering::is_le, operand(high)?)?;
            Ok(negate(*negated, Node::All(vec![at_least, at_most])))
        }
        Expr::Like { negated, expr, pattern, escape_char, any: false } => {
            Ok(negate(*negated, like(expr, pattern, escape_char.is_some(), false)?))
        }
        Expr::ILike { negated, expr, pattern, escape_char, any: false } => {
            Ok(negate(*negated, like(expr, pattern, escape_char.is_some(), true)?))
        }
        Expr::IsNull(expr) => Ok(Node::IsNull(operand(expr)?)),
        Expr::IsNotNull(expr) => Ok(negate(true, Node::IsNull(operand(expr)?))),
        Expr::Identifier(_) | Expr::Value(_) => {
            let operand = operand(expr)?;
            match operand.kind() {
                Some(Kind::Flag) | None => Ok(Node::Holds(operand)),
                _ => Err(format!("`{expr}` alone is no condition")),
            }
        }
        _ => Err(format!("`{expr}` is not understood: {KNOWN}")),
    }
}

const KNOWN: &str = "a condition has columns, values, =, <>, <, <=, >, >=, AND, OR, NOT, IN, LIKE, \
                     ILIKE, BETWEEN and IS NULL";

fn negate(is_negated: bool, node: Node) -> Node {
    if is_negated { Node::Not(Box::new(node)) } else { node }
}

fn binary(left: &Expr, op: &BinaryOperator, right: &Expr) -> Result<Node, String> {
    let holds: fn(Ordering) -> bool = match op {
        BinaryOperator::And => return Ok(Node::All(chain(left, op, right)?)),
        BinaryOperator::Or => return Ok(Node::Any(chain(left, op, right)?)),
        BinaryOperator::Eq => Ordering::is_eq,
        BinaryOperator::NotEq => Ordering::is_ne,
        BinaryOperator::Lt => Ordering::is_lt,
        BinaryOperator::LtEq => Ordering::is_le,
        BinaryOperator::Gt => Ordering::is_gt,
        BinaryOperator::GtEq => Ordering::is_ge,
        other => return Err(format!("`{other}` is not understood: {KNOWN}")),
    };
    compare(operand(left)?, holds, operand(right)?)
}

/// The conditions between which one operator stands: `a AND b AND c` is nested as deep as it is long.
fn chain(mut left: &Expr, op: &BinaryOperator, right: &Expr) -> Result<Vec<Node>, String> {
    let mut nodes = vec![node(right)?];
    while let Expr::BinaryOp { left: next, op: own, right } = left
        && own == op
    {
        nodes.push(node(right)?);
        left = next;
    }
    nodes.push(node(left)?);
    nodes.reverse();
    Ok(nodes)
}

fn compare(one: Operand, holds: fn(Ordering) -> bool, other: Operand) -> Result<Node, String> {
    let other = other.beside(&one)?;
    let one = one.beside(&other)?;
    Ok(Node::Compare(one, holds, other))
}

fn like(
    expr: &Expr,
    pattern: &Expr,
    has_escape: bool,
    is_insensitive: bool,
) -> Result<Node, String> {
    let (operand, pattern) = (operand(expr)?, operand(pattern)?);
    let Operand::Literal(Value::Text(pattern)) = pattern else {
        return Err("LIKE has a text behind it".to_owned());
    };
    if operand.kind() != Some(Kind::Text) || has_escape {
        return Err(format!("LIKE is for texts, without ESCAPE; {} is none", operand.shown()));
    }
    let pattern = if is_insensitive { pattern.to_lowercase() } else { pattern };
    let wild = |c| match c {
        '%' => Wild::Any,
        '_' => Wild::One,
        c => Wild::Char(c),
    };
    Ok(Node::Like(operand, pattern.chars().map(wild).collect(), is_insensitive))
}

fn operand(expr: &Expr) -> Result<Operand, String> {
    match expr {
        Expr::Nested(expr) => operand(expr),
        Expr::Identifier(ident) => {
            let name = own(ident);
            if !is_column(&name) {
                return Err(format!(
                    "there is no column `{}`; there are {}, and labels.KEY",
                    ident.value,
                    columns()
                ));
            }
            Ok(Operand::Column(name))
        }
        Expr::CompoundIdentifier(parts) => match parts.as_slice() {
            [table, key] if own(table) == "labels" => Ok(Operand::Label(key.value.clone())),
            _ => Err(format!("there is no column `{expr}`; a label is labels.KEY")),
        },
        Expr::TypedString(typed) => literal(&typed.value.value, true),
        Expr::Value(value) => literal(&value.value, false),
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => match operand(expr)? {
            Operand::Literal(Value::Number(number)) => {
                Ok(Operand::Literal(Value::Number(number.saturating_neg())))
            }
            Operand::Literal(Value::Fraction(number)) => {
                Ok(Operand::Literal(Value::Fraction(-number)))
            }
            _ => Err(format!("`-{expr}` is not understood")),
        },
        _ => Err(format!("`{expr}` is not understood: {KNOWN}")),
    }
}

fn own(ident: &ast::Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}

fn literal(value: &ast::Value, is_time: bool) -> Result<Operand, String> {
    let literal = match value {
        ast::Value::SingleQuotedString(text) if is_time => {
            let nanos = time(text).ok_or_else(|| format!("`{text}` is no time"))?;
            Value::Time(nanos.div_euclid(1000))
        }
        ast::Value::SingleQuotedString(text) => Value::Text(text.clone()),
        ast::Value::Boolean(flag) => Value::Flag(*flag),
        ast::Value::Null => Value::Null,
        ast::Value::Number(text, _) => match text.parse() {
            Ok(number) => Value::Number(number),
            Err(_) => Value::Fraction(text.parse().map_err(|_| format!("`{text}` is no number"))?),
        },
        other => return Err(format!("`{other}` is not understood: {KNOWN}")),
    };
    Ok(Operand::Literal(literal))
}
