import RefrainData
import Synchronization

/// The models that are served. When a file has changed its model is replaced; sessions of the one before go on with
/// it. It is kept in memory until the last of them has ended or lies on disk; from its file, which has a second name,
/// it is read again for a session that comes back.
final class ModelShelf: Sendable {
  /// A model that was replaced.
  private struct Retired {
    let model: ServedModel
    /// Its file, from which it can be read again; nil where there is none.
    var file: String?
  }

  private struct Table {
    /// In the order in which they were named.
    var models: [ServedModel]
    /// The files of these, by their fingerprints.
    var files: [String: String] = [:]
    /// Those that were replaced while there were sessions of them.
    var retired: [Retired] = []
    /// Those of which all sessions lie on disk: their names, fingerprints and files.
    var asleep: [(name: String, fingerprint: String, file: String)] = []
    var executor: (any TaskExecutor)?
  }

  private let places: [String: Int]
  private let meters: Meters
  private let weights: KeptWeights?
  private let table: Mutex<Table>

  /// - Parameter sessions: The folder for states of sessions, which is there; nil where none are written.
  init(_ models: [ServedModel], sessions: String?, meters: Meters) {
    places = Dictionary(models.enumerated().map { ($1.name, $0) }) { first, _ in first }
    self.meters = meters
    weights = sessions.map { KeptWeights(beside: $0) }
    table = Mutex(Table(models: models))
  }

  /// In the order in which they were named.
  var models: [ServedModel] { table.withLock { $0.models } }
  /// How many were replaced and are kept in memory.
  var retiredCount: Int { table.withLock { $0.retired.count } }
  /// How many were replaced and lie on disk alone.
  var asleepCount: Int { table.withLock { $0.asleep.count } }

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

  /// The model that a state is of: the one of a name now, or one before it, which is read again where it is not in
  /// memory; that of now where neither has the fingerprint; nil where there is none of the name.
  ///
  /// - Throws: `damagedModel` where the one before cannot be read again.
  func model(_ name: String, fingerprint: String) throws(DataError) -> ServedModel? {
    guard let place = places[name] else { return nil }
    let (known, file) = table.withLock { table -> (ServedModel?, String?) in
      let now = table.models[place]
      guard now.fingerprint != fingerprint else { return (now, nil) }
      if let one = table.retired.last(where: { $0.model.name == name && $0.model.fingerprint == fingerprint }) {
        return (one.model, nil)
      }
      let asleep = table.asleep.first { $0.name == name && $0.fingerprint == fingerprint }
      return asleep.map { (nil, $0.file) } ?? (now, nil)
    }
    guard let file else { return known }
    let model = try Self.read(file, name, fingerprint, meters)
    return table.withLock { table in
      // Another request may have been faster.
      if let one = table.retired.last(where: { $0.model.name == name && $0.model.fingerprint == fingerprint }) {
        return one.model
      }
      if let executor = table.executor { model.run(on: executor) }
      table.asleep.removeAll { $0.name == name && $0.fingerprint == fingerprint }
      table.retired.append(Retired(model: model, file: file))
      return model
    }
  }

  /// Whether the weights of a fingerprint have to be read before a session of them goes on.
  func isAsleep(_ fingerprint: String) -> Bool {
    table.withLock { $0.asleep.contains { $0.fingerprint == fingerprint } }
  }

  /// A model that was replaced, from its file.
  ///
  /// - Throws: `damagedModel` where the file is gone, or another.
  private static func read(
    _ file: String, _ name: String, _ fingerprint: String, _ meters: Meters
  ) throws(DataError) -> ServedModel {
    func fault(_ problem: String) -> DataError {
      DataError(
        .damagedModel,
        "the file of \(name.quoted) has changed since it began, and the weights that it began with, of the fingerprint "
          + "\(fingerprint), are \(problem)")
    }
    let model: ServedModel
    do throws(DataError) { model = try ServedModel(name: name, path: file, meters: meters) } catch {
      throw fault(error.code == .missingFile ? "gone" : "not to be read: \(error.problem)")
    }
    guard model.fingerprint == fingerprint else { throw fault("gone: their file was written over") }
    return model
  }

  /// Has steps taken where others wait for the network.
  func run(on executor: any TaskExecutor) {
    let models = table.withLock { table in
      table.executor = executor
      return table.models
    }
    for model in models { model.run(on: executor) }
  }

  /// Keeps the file of a model that is served, or is about to be.
  func keep(_ path: String, of model: ServedModel) {
    guard let kept = weights?.keep(path, model.fingerprint) else { return }
    table.withLock { $0.files[model.fingerprint] = kept }
  }

  /// Takes a model in place of the one that has its name.
  func replace(with model: ServedModel) {
    guard let place = places[model.name] else { return }
    if let executor = table.withLock({ $0.executor }) { model.run(on: executor) }
    table.withLock { table in
      let before = table.models[place]
      table.retired.append(Retired(model: before, file: table.files[before.fingerprint]))
      table.models[place] = model
    }
  }

  /// Lets go of those that were replaced and of which no session is in memory; their files stay for those on disk.
  ///
  /// - Parameter inUse: The fingerprints of models that there are sessions of, in memory and on disk; asked for where
  ///   it matters.
  func release(inUse: () -> (live: Set<String>, stored: Set<String>)) {
    let isNothing = table.withLock { $0.retired.isEmpty && $0.asleep.isEmpty }
    guard !isNothing else { return }
    var (live, stored) = inUse()
    let falling = table.withLock { table in
      table.retired.filter { one in
        let fingerprint = one.model.fingerprint
        return one.file != nil && stored.contains(fingerprint) && !live.contains(fingerprint)
          && !table.models.has(one.model.name, fingerprint)
      }
    }
    // What cannot be read again, as where a file was written over, stays in memory.
    var (readable, lost): (Set<String>, Set<String>) = ([], [])
    for one in falling {
      guard let file = one.file else { continue }
      let isThere = (try? Self.read(file, one.model.name, one.model.fingerprint, meters)) != nil
      if isThere { readable.insert(file) } else { lost.insert(file) }
    }
    // That may have taken a while.
    if !falling.isEmpty { (live, stored) = inUse() }
    let unneeded: [String] = table.withLock { [live, stored, readable, lost] table in
      let models = table.models
      for place in table.retired.indices where table.retired[place].file.map(lost.contains) == true {
        table.retired[place].file = nil
      }
      for one in table.retired {
        let (name, fingerprint) = (one.model.name, one.model.fingerprint)
        guard let file = one.file, readable.contains(file), stored.contains(fingerprint), !live.contains(fingerprint)
        else { continue }
        if !models.has(name, fingerprint), !table.asleep.contains(where: { $0.file == file && $0.name == name }) {
          table.asleep.append((name, fingerprint, file))
        }
      }
      table.retired.removeAll { one in
        let fingerprint = one.model.fingerprint
        return models.has(one.model.name, fingerprint)
          || !live.contains(fingerprint) && (one.file.map(readable.contains) == true || !stored.contains(fingerprint))
      }
      table.asleep.removeAll { one in
        models.has(one.name, one.fingerprint)
          || !stored.contains(one.fingerprint) && !live.contains(one.fingerprint)
      }
      let needed = Set(
        table.models.map(\.fingerprint) + table.retired.map(\.model.fingerprint) + table.asleep.map(\.fingerprint))
      let unneeded = table.files.filter { !needed.contains($0.key) }
      for fingerprint in unneeded.keys { table.files[fingerprint] = nil }
      return Array(unneeded.values)
    }
    for file in unneeded { weights?.remove(file) }
  }

  /// Forgets the files that were kept, before the server ends.
  func close() { weights?.clear() }
}

extension [ServedModel] {
  /// Whether a model is one of these: a file may have become again what it was.
  fileprivate func has(_ name: String, _ fingerprint: String) -> Bool {
    contains { $0.name == name && $0.fingerprint == fingerprint }
  }
}
