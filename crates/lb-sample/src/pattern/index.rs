//! The patterns of a set as one matching method needs them.

use super::address::{self, Network};
use super::element::Element;
use super::list::{Item, List};
use super::table::{Hasher, Slot, Table, hash_text, scatter};
use super::{Method, number, text};
use crate::sample::embedded_ipv4;
use crate::{Sample, SampleError, args};
use arc_swap::ArcSwap;
use regex::bytes::Regex;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

/// Read by any thread without a lock. Written by one thread at a time: whoever holds the set's lock.
#[derive(Debug)]
pub(super) struct Index {
    pub(super) method: Method,
    pub(super) ignore_case: bool,
    shape: ArcSwap<Shape>,
}

/// What fits the method.
#[derive(Debug)]
enum Shape {
    /// No pattern is looked at.
    Nothing,
    /// Whole texts and bytes.
    Whole(Table),
    /// Beginnings or ends.
    Partial(Table, Lengths),
    Networks(Box<Networks>),
    Ranges(List<(i64, i64)>),
    /// Parts inside.
    Texts(List<()>),
    Regexes(List<Regex>),
}

/// Networks by their number of bits; those of other masks apart.
#[derive(Debug, Default)]
struct Networks {
    v4: Table,
    v4_bits: Lengths,
    v6: Table,
    v6_bits: Lengths,
    others: List<(u32, u32)>,
}

/// Which lengths there are, longest first, and how many of each.
#[derive(Debug, Default)]
struct Lengths(ArcSwap<Vec<(usize, usize)>>);

impl Lengths {
    fn change(&self, length: usize, by: isize) {
        let mut lengths = Vec::clone(&self.0.load());
        match lengths.binary_search_by(|(other, _)| length.cmp(other)) {
            Ok(at) => {
                if let Some((_, count)) = lengths.get_mut(at) {
                    *count = count.saturating_add_signed(by);
                }
                lengths.retain(|(_, count)| *count > 0);
            }
            Err(at) if by > 0 => lengths.insert(at, (length, 1)),
            Err(_) => {}
        }
        self.0.store(Arc::new(lengths));
    }

    fn of(lengths: impl Iterator<Item = usize>) -> Self {
        let mut counts = std::collections::BTreeMap::new();
        for length in lengths {
            *counts.entry(length).or_insert(0) += 1;
        }
        Self(ArcSwap::from_pointee(counts.into_iter().rev().collect()))
    }
}

/// A pattern as read for a method.
#[derive(Debug, Clone)]
pub(super) enum Parsed {
    Nothing,
    /// Where it is in a table.
    Hash(u64),
    Partial(u64, usize),
    Network(Network),
    Range(i64, i64),
    Text,
    Regex(Regex),
}

/// Reads a pattern.
pub(super) fn parse(method: Method, ignore_case: bool, key: &[u8]) -> Result<Parsed, SampleError> {
    let word = || String::from_utf8_lossy(key);
    Ok(match method {
        Method::Found | Method::Bool => Parsed::Nothing,
        Method::Int | Method::Len => {
            let (low, high) = number::range(&word())?;
            Parsed::Range(low, high)
        }
        Method::Ip => Parsed::Network(address::network(&word())?),
        Method::Bin => Parsed::Hash(hash_text(&args::hex(&word())?, false)),
        Method::Str => Parsed::Hash(hash_text(key, ignore_case)),
        Method::Beg => Parsed::Partial(hash_text(key, ignore_case), key.len()),
        Method::End => Parsed::Partial(hash_reversed(key, ignore_case), key.len()),
        Method::Sub | Method::Dir | Method::Dom => Parsed::Text,
        Method::Reg => Parsed::Regex(args::regex(&word(), ignore_case)?),
    })
}

/// What stands in an answer of the Runtime API for the way patterns are kept.
pub(super) const fn kept_as(method: Method, ignore_case: bool) -> &'static str {
    match method {
        Method::Str | Method::Beg if !ignore_case => "tree",
        Method::Ip => "tree",
        _ => "list",
    }
}

impl Index {
    /// An index over these elements.
    pub(super) fn new(
        method: Method,
        ignore_case: bool,
        elements: impl Iterator<Item = (Arc<Element>, Parsed)>,
    ) -> Self {
        Self { method, ignore_case, shape: ArcSwap::from_pointee(Shape::new(method, elements)) }
    }

    /// An empty index of the same kind.
    pub(super) fn empty(&self) -> Self {
        Self::new(self.method, self.ignore_case, std::iter::empty())
    }

    /// Takes what another index of the same kind holds, at once; gives what was held.
    pub(super) fn take(&self, other: &Self) -> Arc<impl Send + Sync + use<>> {
        self.shape.swap(other.shape.load_full())
    }

    /// Adds an element, or puts it in the place of the one that has its number and key.
    pub(super) fn put(&self, element: &Arc<Element>, parsed: Parsed, is_new: bool) {
        let shape = self.shape.load();
        let element = Arc::clone(element);
        let by = isize::from(is_new);
        match (&**shape, parsed) {
            (Shape::Whole(table), Parsed::Hash(hash)) => {
                table.put(Slot { hash, element });
                if table.is_crowded() {
                    self.shape.store(Arc::new(Shape::Whole(table.grown())));
                }
            }
            (Shape::Partial(table, lengths), Parsed::Partial(hash, length)) => {
                table.put(Slot { hash, element });
                lengths.change(length, by);
                if table.is_crowded() {
                    let lengths = Lengths(ArcSwap::new(lengths.0.load_full()));
                    self.shape.store(Arc::new(Shape::Partial(table.grown(), lengths)));
                }
            }
            (Shape::Networks(networks), Parsed::Network(network)) => {
                networks.put(element, network, by);
                if let Some(grown) = networks.grown() {
                    self.shape.store(Arc::new(Shape::Networks(Box::new(grown))));
                }
            }
            (Shape::Ranges(list), Parsed::Range(low, high)) => list.put(Item { element, parsed: (low, high) }),
            (Shape::Texts(list), Parsed::Text) => list.put(Item { element, parsed: () }),
            (Shape::Regexes(list), Parsed::Regex(parsed)) => list.put(Item { element, parsed }),
            // A method reads all its patterns as the same kind.
            _ => {}
        }
    }

    /// Takes an element away.
    pub(super) fn remove(&self, element: &Element) {
        // What is in the index was read before, so it can be read.
        let Ok(parsed) = parse(self.method, self.ignore_case, element.key()) else { return };
        let number = element.number();
        match (&**self.shape.load(), parsed) {
            (Shape::Whole(table), Parsed::Hash(hash)) => table.remove(hash, number),
            (Shape::Partial(table, lengths), Parsed::Partial(hash, length)) => {
                table.remove(hash, number);
                lengths.change(length, -1);
            }
            (Shape::Networks(networks), Parsed::Network(network)) => networks.remove(number, network),
            (Shape::Ranges(list), _) => list.remove(number),
            (Shape::Texts(list), _) => list.remove(number),
            (Shape::Regexes(list), _) => list.remove(number),
            _ => {}
        }
    }

    /// Shows the element that matches, with its regular expression if it is one.
    pub(super) fn find<R>(
        &self,
        sample: &Sample<'_>,
        show: &mut dyn FnMut(&Element, Option<&Regex>) -> R,
    ) -> Option<R> {
        let ignore_case = self.ignore_case;
        match &**self.shape.load() {
            Shape::Nothing => None,
            Shape::Whole(table) if self.method == Method::Bin => sample.with_bytes(|bytes| {
                let same = |e: &Element| args::hex(&String::from_utf8_lossy(e.key())).is_ok_and(|key| key == bytes);
                table.find(hash_text(bytes, false), |e| same(e).then(|| show(e, None)))
            }),
            Shape::Whole(table) => sample.with_text(|given| {
                table.find(hash_text(given, ignore_case), |e| {
                    text::same(e.key(), given, ignore_case).then(|| show(e, None))
                })
            }),
            Shape::Partial(table, lengths) if self.method == Method::Beg => {
                sample.with_text(|given| longest_beginning(table, lengths, given, ignore_case, show))
            }
            Shape::Partial(table, lengths) => {
                sample.with_text(|given| first_end(table, lengths, given, ignore_case)).map(|e| show(&e, None))
            }
            Shape::Networks(networks) => networks.find(sample.to_ip()?, show),
            Shape::Ranges(list) => {
                let number = match self.method {
                    Method::Len => sample.with_text(|t| i64::try_from(t.len()).ok())?,
                    _ => sample.to_int()?,
                };
                list.find(|i| (i.parsed.0..=i.parsed.1).contains(&number).then(|| show(&i.element, None)))
            }
            Shape::Texts(list) => sample.with_text(|given| {
                list.find(|i| {
                    let key = i.element.key();
                    let inside = match self.method {
                        Method::Sub => text::contains(given, key, ignore_case),
                        Method::Dir => text::contains_part(given, key, ignore_case, text::DIRECTORY),
                        _ => text::contains_part(given, key, ignore_case, text::DOMAIN),
                    };
                    inside.then(|| show(&i.element, None))
                })
            }),
            Shape::Regexes(list) => sample
                .with_text(|given| list.find(|i| i.parsed.is_match(given).then(|| show(&i.element, Some(&i.parsed))))),
        }
    }

    /// Calls `visit` with every element of exactly this key, for an index of whole texts.
    pub(super) fn each_of_key(&self, key: &[u8], visit: &mut dyn FnMut(&Arc<Element>)) {
        if let Shape::Whole(table) = &**self.shape.load() {
            let _: Option<()> = table.find(hash_text(key, false), |e| {
                if e.key() == key {
                    visit(e);
                }
                None
            });
        }
    }
}

impl Shape {
    fn new(method: Method, elements: impl Iterator<Item = (Arc<Element>, Parsed)>) -> Self {
        match method {
            Method::Found | Method::Bool => Self::Nothing,
            Method::Str | Method::Bin => Self::Whole(Table::new(
                elements
                    .filter_map(|(element, parsed)| match parsed {
                        Parsed::Hash(hash) => Some(Slot { hash, element }),
                        _ => None,
                    })
                    .collect(),
            )),
            Method::Beg | Method::End => {
                let parts: Vec<_> = elements
                    .filter_map(|(element, parsed)| match parsed {
                        Parsed::Partial(hash, length) => Some((Slot { hash, element }, length)),
                        _ => None,
                    })
                    .collect();
                let lengths = Lengths::of(parts.iter().map(|(_, length)| *length));
                Self::Partial(Table::new(parts.into_iter().map(|(slot, _)| slot).collect()), lengths)
            }
            Method::Ip => Self::Networks(Box::new(Networks::new(elements))),
            Method::Int | Method::Len => Self::Ranges(List::new(
                elements
                    .filter_map(|(element, parsed)| match parsed {
                        Parsed::Range(low, high) => Some(Item { element, parsed: (low, high) }),
                        _ => None,
                    })
                    .collect(),
            )),
            Method::Sub | Method::Dir | Method::Dom => {
                Self::Texts(List::new(elements.map(|(element, _)| Item { element, parsed: () }).collect()))
            }
            Method::Reg => Self::Regexes(List::new(
                elements
                    .filter_map(|(element, parsed)| match parsed {
                        Parsed::Regex(parsed) => Some(Item { element, parsed }),
                        _ => None,
                    })
                    .collect(),
            )),
        }
    }
}

impl Networks {
    fn new(elements: impl Iterator<Item = (Arc<Element>, Parsed)>) -> Self {
        let (mut v4, mut v6, mut others) = (Vec::new(), Vec::new(), Vec::new());
        let (mut v4_bits, mut v6_bits) = (Vec::new(), Vec::new());
        for (element, parsed) in elements {
            match parsed {
                Parsed::Network(Network::V4(ip, bits)) => {
                    v4.push(Slot { hash: hash4(ip, bits), element });
                    v4_bits.push(bits as usize);
                }
                Parsed::Network(Network::V6(ip, bits)) => {
                    v6.push(Slot { hash: hash6(ip, bits), element });
                    v6_bits.push(bits as usize);
                }
                Parsed::Network(Network::Masked(ip, mask)) => others.push(Item { element, parsed: (ip, mask) }),
                _ => {}
            }
        }
        Self {
            v4: Table::new(v4),
            v4_bits: Lengths::of(v4_bits.into_iter()),
            v6: Table::new(v6),
            v6_bits: Lengths::of(v6_bits.into_iter()),
            others: List::new(others),
        }
    }

    fn put(&self, element: Arc<Element>, network: Network, by: isize) {
        match network {
            Network::V4(ip, bits) => {
                self.v4.put(Slot { hash: hash4(ip, bits), element });
                self.v4_bits.change(bits as usize, by);
            }
            Network::V6(ip, bits) => {
                self.v6.put(Slot { hash: hash6(ip, bits), element });
                self.v6_bits.change(bits as usize, by);
            }
            Network::Masked(ip, mask) => self.others.put(Item { element, parsed: (ip, mask) }),
        }
    }

    fn remove(&self, number: u64, network: Network) {
        match network {
            Network::V4(ip, bits) => {
                self.v4.remove(hash4(ip, bits), number);
                self.v4_bits.change(bits as usize, -1);
            }
            Network::V6(ip, bits) => {
                self.v6.remove(hash6(ip, bits), number);
                self.v6_bits.change(bits as usize, -1);
            }
            Network::Masked(..) => self.others.remove(number),
        }
    }

    /// The same with larger tables, if one is crowded.
    fn grown(&self) -> Option<Self> {
        if !self.v4.is_crowded() && !self.v6.is_crowded() {
            return None;
        }
        let lengths = |of: &Lengths| Lengths(ArcSwap::new(of.0.load_full()));
        Some(Self {
            v4: self.v4.grown(),
            v4_bits: lengths(&self.v4_bits),
            v6: self.v6.grown(),
            v6_bits: lengths(&self.v6_bits),
            others: List::share(&self.others),
        })
    }

    /// The longest network that has the address. An IPv6 address that carries an IPv4 one also matches IPv4 networks, an
    /// IPv4 address also matches `::ffff:` networks.
    fn find<R>(&self, ip: IpAddr, show: &mut dyn FnMut(&Element, Option<&Regex>) -> R) -> Option<R> {
        match ip {
            IpAddr::V4(ip) => self.find4(ip, show).or_else(|| self.find6(ip.to_ipv6_mapped(), show)),
            IpAddr::V6(ip) => self.find6(ip, show).or_else(|| self.find4(embedded_ipv4(ip)?, show)),
        }
    }

    fn find4<R>(&self, ip: Ipv4Addr, show: &mut dyn FnMut(&Element, Option<&Regex>) -> R) -> Option<R> {
        let ip = u32::from(ip);
        // Different networks have different hashes: there is nothing to compare.
        let found = self.v4_bits.0.load().iter().find_map(|&(bits, _)| {
            let bits = bits as u32;
            self.v4.find(hash4(ip & address::mask4(bits), bits), |e| Some(show(e, None)))
        });
        found.or_else(|| self.others.find(|i| (ip & i.parsed.1 == i.parsed.0).then(|| show(&i.element, None))))
    }

    fn find6<R>(&self, ip: Ipv6Addr, show: &mut dyn FnMut(&Element, Option<&Regex>) -> R) -> Option<R> {
        let ip = u128::from(ip);
        self.v6_bits.0.load().iter().find_map(|&(bits, _)| {
            let bits = bits as u32;
            let wanted = Network::V6(ip & address::mask6(bits), bits);
            let same = |e: &Element| address::network(&String::from_utf8_lossy(e.key())).is_ok_and(|n| n == wanted);
            self.v6.find(hash6(ip & address::mask6(bits), bits), |e| same(e).then(|| show(e, None)))
        })
    }
}

fn hash4(ip: u32, bits: u32) -> u64 {
    scatter(u64::from(bits) << 32 | u64::from(ip))
}

fn hash6(ip: u128, bits: u32) -> u64 {
    scatter(scatter((ip >> 64) as u64) ^ (ip as u64) ^ (u64::from(bits) << 56))
}

fn hash_reversed(text: &[u8], ignore_case: bool) -> u64 {
    let mut hasher = Hasher::new();
    for byte in text.iter().rev() {
        hasher.add(if ignore_case { byte.to_ascii_lowercase() } else { *byte });
    }
    hasher.finish()
}

/// The hashes of parts of the text that grow from one side, for each length there is, shortest first.
fn hashes<'t>(
    lengths: &[(usize, usize)],
    bytes: impl Iterator<Item = &'t u8>,
    ignore_case: bool,
    visit: &mut dyn FnMut(usize, u64),
) {
    let mut hasher = Hasher::new();
    let mut bytes = bytes;
    let mut taken = 0;
    for &(length, _) in lengths.iter().rev() {
        while taken < length {
            let Some(byte) = bytes.next() else { return };
            hasher.add(if ignore_case { byte.to_ascii_lowercase() } else { *byte });
            taken += 1;
        }
        visit(length, hasher.finish());
    }
}

fn longest_beginning<R>(
    table: &Table,
    lengths: &Lengths,
    given: &[u8],
    ignore_case: bool,
    show: &mut dyn FnMut(&Element, Option<&Regex>) -> R,
) -> Option<R> {
    let lengths = lengths.0.load();
    let mut found = smallvec::SmallVec::<[u64; 16]>::new();
    hashes(&lengths, given.iter(), ignore_case, &mut |_, hash| found.push(hash));
    found
        .iter()
        .rev()
        .find_map(|&hash| table.find(hash, |e| text::begins(given, e.key(), ignore_case).then(|| show(e, None))))
}

/// Of all ends of the text that are patterns, the one that was added first.
fn first_end(table: &Table, lengths: &Lengths, given: &[u8], ignore_case: bool) -> Option<Arc<Element>> {
    let lengths = lengths.0.load();
    let mut first: Option<Arc<Element>> = None;
    hashes(&lengths, given.iter().rev(), ignore_case, &mut |_, hash| {
        let end = table.find(hash, |e| text::ends(given, e.key(), ignore_case).then(|| Arc::clone(e)));
        if let Some(end) = end
            && first.as_ref().is_none_or(|first| end.number() < first.number())
        {
            first = Some(end);
        }
    });
    first
}
