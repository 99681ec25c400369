//! Power failures: at every point of a recorded life, with any part of what was not synced.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::case::{self, Place};
use super::crew::Crew;
use super::disk::{Disk, Leaves};
use super::matrix::Matrix;
use super::script::{Client, Known, Outcome, effects_in, operation};
use super::shim::Orders;
use super::trace::{self, Event, Record};
use super::{Length, Setting};
use crate::prng::Prng;

/// So many points are tried in the short form.
const SHORT_POINTS: usize = 24;

/// So many are tried in the long form of the lives that begin with much data; of the others, all.
const GROWN_POINTS: usize = 150;

/// So many parts are drawn at each point in the long form.
const DRAWN: usize = 3;

/// One image in so many goes through a whole start and every retry; the others through `fsck`,
/// which opens the store in the same way.
const IMAGES_BETWEEN_STARTS: usize = 16;

/// The counts of a run.
#[derive(Debug, Default)]
pub(super) struct Report {
    points: usize,
    images: usize,
    starts: usize,
}

impl Report {
    pub(super) fn print(&self) {
        println!(
            "{} power failures at {} points of recorded lives: all recovered, {} of them by a start \
             with every retry; nothing acknowledged lost, none doubled",
            self.images, self.points, self.starts
        );
    }
}

pub(super) struct Power<'a> {
    pub(super) setting: &'a Setting,
    pub(super) folder: &'a Path,
    pub(super) seed: u64,
    pub(super) length: Length,
    /// So many images are tried at the same time.
    pub(super) jobs: usize,
}

impl Power<'_> {
    /// Lives that begin with nothing and that begin with the data of a killed server.
    pub(super) fn all(&self, matrix: &Matrix<'_>) -> Result<Report> {
        let mut report = Report::default();
        let new = self.live("power-new", None)?;
        let most = if self.length.is_full() { usize::MAX } else { SHORT_POINTS };
        self.fail_at_points("power-new", Disk::default(), (&new, most), &mut report)?;
        if self.length.is_full() {
            let grown = matrix.grown()?;
            let records = self.live("power-grown", Some(grown))?;
            let some = (&records[..], GROWN_POINTS);
            self.fail_at_points("power-grown", Disk::of(grown)?, some, &mut report)?;
        }
        Ok(report)
    }

    /// Three lives of a server on the same data: two end with SIGKILL, one is asked to end.
    fn live(&self, name: &str, template: Option<&Path>) -> Result<Vec<Record>> {
        let folder = self.make_folder(name)?;
        let (data_dir, trace) = (folder.join("data"), folder.join("trace"));
        if let Some(template) = template {
            case::copy(template, &data_dir)?;
        }
        let orders = Orders { trace: Some(&trace), ..Orders::default() };
        let mut launcher = self.setting.launcher(&data_dir, &folder);
        launcher.environment = orders.environment(&self.setting.library, &data_dir);
        for (life, numbers) in [0..5, 5..8, 8..case::OPERATIONS].into_iter().enumerate() {
            let server = launcher.start()?;
            let client = Client::new(&server.base_url);
            if life == 0 && template.is_none() {
                client.set_up()?;
            }
            for number in numbers {
                let outcome = client.ask(&operation(number))?;
                let is_done = matches!(outcome, Outcome::Acknowledged(_));
                ensure!(is_done, "op-{number} was {outcome:?}");
            }
            if life == 1 { server.terminate()? } else { server.kill()? }
        }
        trace::read(&trace)
    }

    fn fail_at_points(
        &self,
        name: &str,
        disk: Disk,
        (records, most): (&[Record], usize),
        report: &mut Report,
    ) -> Result<()> {
        let mut prng = Prng::new(self.seed);
        let points = points(records, most, &mut prng);
        report.points += points.len();
        let answers = records.iter().filter_map(number_of_acknowledged).collect::<BTreeSet<_>>();
        ensure!(answers.len() == case::OPERATIONS as usize, "not every answer is in the trace");
        let images = Images::new(disk, records, points, self.variants(), prng);
        let crew = Crew { jobs: self.jobs, title: name.to_owned() };
        let recover = |image: &Image| {
            let wrong = || format!("{name}, before record {}, {:?}", image.before, image.leaves);
            self.recover(name, image).with_context(wrong)
        };
        crew.work(images, recover, |_, is_started| {
            report.images += 1;
            report.starts += usize::from(is_started?);
            Ok(())
        })
    }

    fn variants(&self) -> Vec<Leaves> {
        let drawn = if self.length.is_full() { DRAWN } else { 1 };
        let mut variants = vec![Leaves::Nothing, Leaves::Everything];
        variants.extend([Leaves::Something; DRAWN].into_iter().take(drawn));
        variants
    }

    /// Answers whether the image was started, rather than only looked at.
    fn recover(&self, name: &str, image: &Image) -> Result<bool> {
        let folder = self.make_folder(&format!("{name}-image-{}", image.number))?;
        let place = Place { setting: self.setting, folder: &folder, template: None, clients: 1 };
        let data_dir = folder.join("data");
        write(&image.files, &data_dir)?;
        let known = image.known()?;
        let is_new = !image.files.contains_key("stipend.db");
        let is_started = is_new || image.number.is_multiple_of(IMAGES_BETWEEN_STARTS);
        if is_started {
            case::recover(&place, known)?;
        } else {
            self.setting.launcher(&data_dir, &folder).fsck()?;
            known.compare(&effects_in(&data_dir)?)?;
        }
        fs::remove_dir_all(&folder).context("cannot remove an image")?;
        Ok(is_started)
    }

    fn make_folder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.folder.join(name);
        fs::create_dir_all(&folder).context("cannot make a folder")?;
        Ok(folder)
    }
}

/// What a power failure left, and what had been acknowledged before.
struct Image {
    number: usize,
    /// The record before which the power failed.
    before: usize,
    leaves: Leaves,
    files: BTreeMap<String, Vec<u8>>,
    acknowledged: BTreeSet<u32>,
}

impl Image {
    /// Every operation may have happened; those that were acknowledged did.
    fn known(&self) -> Result<Known> {
        let mut known = Known::default();
        for number in 0..case::OPERATIONS {
            known.note(number, Outcome::Lost)?;
        }
        for number in &self.acknowledged {
            known.must_be_there(*number);
        }
        Ok(known)
    }
}

/// The images of a recorded life, as they are asked for: all of them would not fit into memory.
struct Images<'a> {
    records: std::iter::Enumerate<std::slice::Iter<'a, Record>>,
    points: BTreeSet<usize>,
    variants: Vec<Leaves>,
    prng: Prng,
    disk: Disk,
    acknowledged: BTreeSet<u32>,
    /// The same files promise the same as long as nothing more is acknowledged.
    seen: BTreeSet<(u64, usize)>,
    ready: VecDeque<Image>,
}

impl<'a> Images<'a> {
    fn new(
        disk: Disk,
        records: &'a [Record],
        points: BTreeSet<usize>,
        variants: Vec<Leaves>,
        prng: Prng,
    ) -> Self {
        let records = records.iter().enumerate();
        let (acknowledged, seen) = (BTreeSet::new(), BTreeSet::new());
        Self { records, points, variants, prng, disk, acknowledged, seen, ready: VecDeque::new() }
    }

    /// What a power failure before that record leaves, as far as it is new.
    fn fail(&mut self, before: usize) {
        for leaves in &self.variants {
            let files = self.disk.after_power_failure(*leaves, &mut self.prng);
            if self.seen.insert((hash(&files), self.acknowledged.len())) {
                let (number, acknowledged) = (self.seen.len(), self.acknowledged.clone());
                self.ready.push_back(Image {
                    number,
                    before,
                    leaves: *leaves,
                    files,
                    acknowledged,
                });
            }
        }
    }
}

impl Iterator for Images<'_> {
    type Item = Image;

    fn next(&mut self) -> Option<Image> {
        loop {
            if let Some(image) = self.ready.pop_front() {
                return Some(image);
            }
            let (index, record) = self.records.next()?;
            if self.points.contains(&index) {
                self.fail(index);
            }
            self.disk.apply(record);
            self.acknowledged.extend(number_of_acknowledged(record));
        }
    }
}

/// Writes files into a directory, which comes to be.
pub(super) fn write(files: &BTreeMap<String, Vec<u8>>, data_dir: &Path) -> Result<()> {
    fs::create_dir_all(data_dir).context("cannot make an image")?;
    for (name, bytes) in files {
        fs::write(data_dir.join(name), bytes).context("cannot write an image")?;
    }
    Ok(())
}

fn hash(files: &BTreeMap<String, Vec<u8>>) -> u64 {
    let mut hasher = DefaultHasher::new();
    files.hash(&mut hasher);
    hasher.finish()
}

/// Before which records the power fails: those that change a file, say that it is durable, or that
/// something is acknowledged; at most so many of them.
fn points(records: &[Record], most: usize, prng: &mut Prng) -> BTreeSet<usize> {
    let matters = |record: &Record| !matches!(record.event, Event::Asked(_) | Event::Failed);
    let mut all: Vec<usize> =
        (0..records.len()).filter(|index| matters(&records[*index])).collect();
    let mut some = BTreeSet::new();
    while some.len() < most && !all.is_empty() {
        some.insert(all.swap_remove(prng.index(all.len())));
    }
    some
}

/// The operation that an answer on its way acknowledges.
fn number_of_acknowledged(record: &Record) -> Option<u32> {
    let head = record.head().filter(|head| head.status == 200)?;
    head.request_id.strip_prefix("op-")?.parse().ok()
}

/// The state after a failed sync where the kernel has dropped what it could not write.
pub(super) fn dropped(place: &Place<'_>, records: &[Record]) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut disk = place.template.map_or_else(|| Ok(Disk::default()), Disk::of)?;
    for record in records {
        disk.apply(record);
    }
    Ok(disk.after_power_failure(Leaves::Nothing, &mut Prng::new(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_is_acknowledged_by_the_head_of_its_answer() {
        let number = |text: &str| {
            let (event, data) = (Event::Answer, text.as_bytes().to_vec());
            number_of_acknowledged(&Record { event, name: String::new(), offset: 0, data })
        };
        assert_eq!(number("HTTP/1.1 200 OK\r\nx-request-id: op-7\r\n\r\n"), Some(7));
        assert_eq!(number("HTTP/1.1 503 No\r\nx-request-id: op-7\r\n\r\n"), None);
        assert_eq!(number("HTTP/1.1 200 OK\r\nx-request-id: else\r\n\r\n"), None);
    }
}
