import RefrainData
import Synchronization

/// The models that are served. When a file has changed its model is replaced; sessions of the one before go on with
/// it, and it is kept until the last of them has ended.
final class ModelShelf: Sendable {
  private struct Table {
    /// In the order in which they were named.
    var models: [ServedModel]
    /// Those that were replaced while there were sessions of them.
    var retired: [ServedModel] = []
    var executor: (any TaskExecutor)?
  }

  private let places: [String: Int]
  private let table: Mutex<Table>

  init(_ models: [ServedModel]) {
    places = Dictionary(models.enumerated().map { ($1.name, $0) }) { first, _ in first }
    table = Mutex(Table(models: models))
  }

  /// In the order in which they were named.
  var models: [ServedModel] { table.withLock { $0.models } }
  /// How many were replaced and are kept.
  var retiredCount: Int { table.withLock { $0.retired.count } }

  /// The model of a name.
  ///
  /// - Throws: 404 with the names there are; 404 for a version that there is not.
  func model(_ name: String?, version: String? = nil) throws(Failure) -> ServedModel {
    guard let place = places[name ?? ""] else {
      throw Failure(
        404,
        "there is no model \((name ?? "").quoted); there are "
          + models.prefix(20).map(\.name.quoted).joined(separator: ", "))
    }
    let model = table.withLock { $0.models[place] }
    guard version == nil || version == ServedModel.version else {
      throw Failure(404, "the model \(model.name.quoted) has only version \(ServedModel.version)")
    }
    return model
  }

  /// The model that a state is of: the one of a name now, or one before it; that of now where neither has the
  /// fingerprint; nil where there is none of the name.
  func model(_ name: String, fingerprint: String) -> ServedModel? {
    guard let place = places[name] else { return nil }
    return table.withLock { table in
      let now = table.models[place]
      guard now.fingerprint != fingerprint else { return now }
      return table.retired.last { $0.name == name && $0.fingerprint == fingerprint } ?? now
    }
  }

  /// Has steps taken where others wait for the network.
  func run(on executor: any TaskExecutor) {
    let models = table.withLock { table in
      table.executor = executor
      return table.models
    }
    for model in models { (model.live as? LayerStreams)?.run(on: executor) }
  }

  /// Takes a model in place of the one that has its name.
  func replace(with model: ServedModel) {
    guard let place = places[model.name] else { return }
    if let executor = table.withLock({ $0.executor }) { (model.live as? LayerStreams)?.run(on: executor) }
    table.withLock { table in
      table.retired.append(table.models[place])
      table.models[place] = model
    }
  }

  /// Lets go of those that were replaced and of which there are no sessions.
  ///
  /// - Parameter inUse: The fingerprints of models that there are sessions of; asked for where it matters.
  func release(inUse: () -> Set<String>) {
    guard retiredCount > 0 else { return }
    let inUse = inUse()
    table.withLock { table in
      // A file may have become again what it was.
      table.retired.removeAll { model in
        !inUse.contains(model.fingerprint)
          || table.models.contains { $0.name == model.name && $0.fingerprint == model.fingerprint }
      }
    }
  }
}
