import Dispatch
import Logging
import RefrainData
import RefrainFoundation
import Synchronization

/// Looks whether the files of models have changed, and has a shelf take what they hold then. A file that cannot be
/// used leaves the model as it is.
final class ModelReloader: Sendable {
  /// A file under the name that requests call its model by.
  struct Source: Sendable {
    let name: String
    let path: String
    /// As it was when it was looked at last; nil where there was none.
    private(set) var seen: FileStamp.Named?

    init(name: String, path: String) {
      (self.name, self.path) = (name, path)
      look()
    }

    /// Whether the file was written, or is another, since it was looked at last.
    var hasChanged: Bool { FileStamp.Named(path) != seen }

    mutating func look() { seen = FileStamp.Named(path) }

    /// Has a shelf keep the file of a model. It gets a second name by that, which is no change of it.
    mutating func keep(_ model: ServedModel, on shelf: ModelShelf) {
      let isAsSeen = !hasChanged
      shelf.keep(path, of: model)
      if isAsSeen { look() }
    }
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
    for (place, former) in sources.enumerated() {
      var source = former
      source.look()
      guard all || source.seen != former.seen else { continue }
      do {
        let model = try MemoryBudget().run { try ServedModel(name: source.name, path: source.path, meters: meters) }
        if source.hasChanged {
          // It is being written: the next look will tell.
          source = former
        } else if try take(model, &source) {
          taken += 1
        }
      } catch {
        meters.count(.reloadFailures)
        logger.error(
          "a model's file cannot be taken, and the one before goes on",
          metadata: ["model": "\(source.name)", "error": "\(Failure(throwing: error).message)"])
      }
      self.sources.withLock { [source] in $0[place] = source }
    }
    if all { logger.notice("models looked at", metadata: ["taken": .stringConvertible(taken)]) }
  }

  /// Has the shelf take a model; false where it is the one that is there.
  private func take(_ model: ServedModel, _ source: inout Source) throws -> Bool {
    let before = try shelf.model(source.name)
    guard model.fingerprint != before.fingerprint else { return false }
    for network in model.live?.networks ?? [] { try network.rehearse() }
    source.keep(model, on: shelf)
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
