import Dispatch
import Foundation
import Logging
import RefrainData
import Synchronization

/// Looks whether the files of models have changed, and has a shelf take what they hold then. A file that cannot be
/// used leaves the model as it is.
final class ModelReloader: Sendable {
  /// What tells one writing of a file from another; nil where there is no file. When its status changed does not: a
  /// second name, as ``KeptWeights`` gives, changes that too.
  struct Trace: Equatable, Sendable {
    private let numbers: [Int]

    init?(_ path: String) {
      var status = stat()
      guard stat(path, &status) == 0 else { return nil }
      #if os(Linux)
        let time = status.st_mtim
      #else
        let time = status.st_mtimespec
      #endif
      numbers =
        [
          Int(truncatingIfNeeded: status.st_dev), Int(truncatingIfNeeded: status.st_ino), Int(status.st_size),
          Int(time.tv_sec), time.tv_nsec,
        ]
    }
  }

  /// A file under the name that requests call its model by.
  struct Source: Sendable {
    let name: String
    let path: String
    /// As it was when it was looked at last.
    var seen: Trace?
  }

  private let sources: Mutex<[Source]>
  private let shelf: ModelShelf
  private let meters: Meters
  private let logger: Logger
  private let queue = DispatchQueue(label: "refrain.reload")
  private let isLooking = Atomic(false)

  init(_ sources: [Source], _ shelf: ModelShelf, meters: Meters, logger: Logger) {
    (self.shelf, self.meters, self.logger) = (shelf, meters, logger)
    self.sources = Mutex(sources)
  }

  /// Looks at the files on a thread of its own, unless that is going on.
  ///
  /// - Parameter all: Whether those are read, too, that have not changed since they were looked at: what was wrong with
  ///   one is said again.
  /// - Returns: Whether it begins.
  @discardableResult
  func begin(all: Bool) -> Bool {
    guard isLooking.exchange(true, ordering: .acquiring) == false else { return false }
    queue.async {
      self.look(all: all)
      self.isLooking.store(false, ordering: .releasing)
    }
    return true
  }

  /// Looks at the files.
  func look(all: Bool = false) {
    let sources = sources.withLock { $0 }
    var taken = 0
    for (place, source) in sources.enumerated() {
      let trace = Trace(source.path)
      guard all || trace != source.seen else { continue }
      var seen = trace
      do {
        let model = try MemoryBudget().run { try ServedModel(name: source.name, path: source.path, meters: meters) }
        if Trace(source.path) != trace {
          // It is being written: the next look will tell.
          seen = source.seen
        } else if try take(model, source) {
          taken += 1
        }
      } catch {
        meters.count(.reloadFailures)
        logger.error(
          "a model's file cannot be taken, and the one before goes on",
          metadata: ["model": "\(source.name)", "error": "\(Failure(throwing: error).message)"])
      }
      self.sources.withLock { [seen] in $0[place].seen = seen }
    }
    if all { logger.notice("models looked at", metadata: ["taken": .stringConvertible(taken)]) }
  }

  /// Has the shelf take a model; false where it is the one that is there.
  private func take(_ model: ServedModel, _ source: Source) throws -> Bool {
    let before = try shelf.model(source.name)
    guard model.fingerprint != before.fingerprint else { return false }
    for network in model.live?.networks ?? [] { try network.rehearse() }
    shelf.keep(source.path, of: model)
    shelf.replace(with: model)
    meters.count(.reloads)
    let isSame = model.inputs.map(\.metadata.line) == before.inputs.map(\.metadata.line)
    logger.notice(
      "a model's file was taken",
      metadata: [
        "model": "\(model.name)", "fingerprint": "\(model.fingerprint)", "before": "\(before.fingerprint)",
        "inputs": isSame ? "the same" : "others",
      ])
    return true
  }
}
