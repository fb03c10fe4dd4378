import RefrainData

/// Finds the tensors in a pickle: those of dictionaries within dictionaries, of lists, and of modules, under names
/// joined by dots.
///
/// The walk is bounded in depth, in steps and in the length of what it writes, whatever a file refers to how often.
struct PickleTensors {
  private let pickle: Pickle
  private(set) var found: [(name: String, tensor: Int)] = []
  /// The modules in the order of the file.
  private(set) var modules: [TorchModule] = []
  private let constants: [String: [String: String]]
  private var stepsLeft: Int
  private var lettersLeft: Int

  private static let deepest = 32

  /// The keys under which programs keep a model's state dictionary beside other ones, the most telling first.
  private static let usualKeys = [
    "model_state_dict", "state_dict", "model_state", "model", "net", "network", "weights", "model_weights", "ema",
  ]

  /// The tensors under the dictionary that `key` names, and the modules.
  ///
  /// - Parameters:
  ///   - pickle: what a file holds.
  ///   - key: keys of dictionaries, joined by dots, such as `checkpoint.model`. With nil everything is taken, unless
  ///     the tensors of a single dictionary one level down are all that there is, such as those of `{"model": {…},
  ///     "epoch": 3}`, or one of several has a name that says what it is.
  ///   - size: the bytes of the file's pickle.
  ///   - constants: what a program's text says of its classes, by their names.
  static func of(
    _ pickle: Pickle, at key: String?, size: Int, constants: [String: [String: String]] = [:]
  ) throws(DataError) -> PickleTensors {
    var walk = PickleTensors(pickle: pickle, size: size, constants: constants)
    let root: PickleValue
    do throws(DataError) {
      root = try key.map { key throws(DataError) in try walk.value(at: key) } ?? walk.onlyDictionary()
      try walk.collect(root, name: "", depth: 0, isInSequence: false)
    } catch {
      guard let key, walk.found.isEmpty else { throw error }
      try walk.collect(below: key)
      guard !walk.found.isEmpty else { throw error }
      return walk
    }
    guard !walk.found.isEmpty else {
      if case .object(let index) = root {
        let name = pickle.texts[pickle.objects[index].className]
        throw DataError(
          .wrongFormat, "this is a pickle of a \(name.quoted), in which no tensor is",
          remedy: "name a model of PyTorch, or save one with torch.save(model.state_dict())")
      }
      throw DataError(
        .wrongInput, "there is no tensor \(key.map { "under \($0.quoted)" } ?? "in the file")",
        remedy: "save the model's state_dict()")
    }
    return walk
  }

  private init(pickle: Pickle, size: Int, constants: [String: [String: String]]) {
    self.pickle = pickle
    self.constants = constants
    // Twice what the file holds, since parts may be named twice.
    let sizes =
      pickle.lists.reduce(0) { $0 + $1.count } + pickle.dictionaries.reduce(0) { $0 + $1.count }
      + pickle.objects.reduce(0) { $0 + $1.items.count + 1 }
    stepsLeft = 1024 + 2 * sizes
    lettersLeft = 1 << 16 + 4 * size
  }

  private mutating func collect(
    _ value: PickleValue, name: String, depth: Int, isInSequence: Bool
  ) throws(DataError) {
    stepsLeft -= 1
    lettersLeft -= name.utf8.count
    guard depth <= Self.deepest, stepsLeft >= 0, lettersLeft >= 0 else {
      throw DataError(
        .unsupportedContent, "the file's dictionaries are nested too deep, or in themselves",
        remedy: "save the model's state_dict() alone")
    }
    func inner(_ key: String) -> String { name.isEmpty ? key : name + "." + key }
    switch value {
    case .tensor(let index): found.append((name, index))
    case .list(let index):
      for (place, item) in pickle.lists[index].enumerated() {
        try collect(item, name: inner(String(place)), depth: depth + 1, isInSequence: false)
      }
    case .dictionary(let index):
      let items = pickle.dictionaries[index]
      for place in stride(from: 0, to: items.count, by: 2) {
        let before = found.count
        let key = text(of: items[place])
        try collect(items[place + 1], name: inner(key ?? "?"), depth: depth + 1, isInSequence: false)
        guard key != nil || found.count == before else {
          throw DataError(
            .unsupportedContent, "a tensor in \(name.quoted) lies under a key that is neither a text nor a number",
            remedy: "save the model's state_dict()")
        }
      }
    case .object(let index): try collectModule(pickle.objects[index], name: name, depth: depth, isInSequence)
    default: break
    }
  }

  /// Collects the tensors of one dictionary whose names begin with a key, as those of a module in another do.
  private mutating func collect(below key: String) throws(DataError) {
    for (name, value) in items(of: onlyDictionary()) where name.hasPrefix(key + ".") {
      try collect(value, name: String(name.dropFirst(key.count + 1)), depth: 1, isInSequence: false)
    }
  }

  /// Collects the tensors of a module: its own, then those of the modules in it.
  private mutating func collectModule(
    _ object: PickleObject, name: String, depth: Int, _ isInSequence: Bool
  ) throws(DataError) {
    func inner(_ key: String) -> String { name.isEmpty ? key : name + "." + key }
    let attributes = items(of: object.state)
    let kind = String(pickle.texts[object.className].split(separator: ".").last ?? "?")
    let isContainer = kind == "Sequential" || kind == "ModuleList"
    let place = modules.count
    modules.append(
      TorchModule(
        name: name, kind: kind,
        attributes: Dictionary(
          attributes.compactMap { key, value in plainText(of: value).map { (key, $0) } }, uniquingKeysWith: { $1 }
        ).merging(constants[pickle.texts[object.className]] ?? [:]) { own, _ in own },
        isInSequence: isInSequence, isEmpty: false))
    let before = (found.count, modules.count)
    let ownNames = ["_parameters", "_buffers", "_modules"]
    if attributes.contains(where: { $0.key == "_modules" }) {
      let absent = names(of: attributes.last { $0.key == "_non_persistent_buffers_set" }?.value ?? .none)
      for part in ownNames {
        for (key, value) in items(of: attributes.last { $0.key == part }?.value ?? .none)
        where part != "_buffers" || !absent.contains(key) {
          try collect(value, name: inner(key), depth: depth + 1, isInSequence: kind == "Sequential")
        }
      }
    } else if isContainer || !attributes.isEmpty {
      // A TorchScript program has everything side by side; what begins with an underscore is there twice.
      for (key, value) in attributes where !key.hasPrefix("_") {
        switch value {
        case .tensor, .object:
          try collect(value, name: inner(key), depth: depth + 1, isInSequence: kind == "Sequential")
        default: break
        }
      }
    }
    // An object that is a dictionary, such as hyper-parameters, may hold a state dictionary too.
    for index in stride(from: 0, to: object.items.count, by: 2) {
      let key = text(of: object.items[index]) ?? "?"
      try collect(object.items[index + 1], name: inner(key), depth: depth + 1, isInSequence: false)
    }
    modules[place].isEmpty = before == (found.count, modules.count)
  }

  /// An attribute as text, where it is a number, a truth value, a text, or a short list of numbers.
  private func plainText(of value: PickleValue) -> String? {
    switch value {
    case .boolean(let value): String(value)
    case .integer(let value): String(value)
    case .real(let value): "\(value)"
    case .text(let index): String(pickle.texts[index].prefix(80))
    case .list(let index) where (1...4).contains(pickle.lists[index].count):
      "("
        + pickle.lists[index].map { item in
          if case .integer(let number) = item { return String(number) }
          return "?"
        }.joined(separator: ", ") + ")"
    default: nil
    }
  }

  /// The texts of a list.
  private func names(of value: PickleValue) -> Set<String> {
    guard case .list(let index) = value else { return [] }
    return Set(pickle.lists[index].compactMap(text(of:)))
  }

  private func text(of key: PickleValue) -> String? {
    switch key {
    case .text(let index): pickle.texts[index]
    case .integer(let number): String(number)
    default: nil
    }
  }

  /// The dictionary's keys that are texts, and their values.
  private func items(of value: PickleValue) -> [(key: String, value: PickleValue)] {
    let items: [PickleValue]
    switch value {
    case .dictionary(let index): items = pickle.dictionaries[index]
    case .object(let index): items = pickle.objects[index].items
    // Attributes and slots.
    case .list(let index):
      guard let first = pickle.lists[index].first, case .dictionary(let index) = first else { return [] }
      items = pickle.dictionaries[index]
    default: return []
    }
    return stride(from: 0, to: items.count, by: 2).compactMap { place in
      text(of: items[place]).map { ($0, items[place + 1]) }
    }
  }

  private func hasTensor(_ value: PickleValue) -> Bool {
    items(of: value).contains { if case .tensor = $0.value { true } else { false } }
  }

  private func isModule(_ value: PickleValue) -> Bool {
    guard case .object(let index) = value else { return false }
    return items(of: pickle.objects[index].state).contains { $0.key == "_modules" }
  }

  /// The root, or the only dictionary or module in it that has tensors.
  private func onlyDictionary() -> PickleValue {
    if hasTensor(pickle.root) || isModule(pickle.root) { return pickle.root }
    let inner = items(of: pickle.root).filter { hasTensor($0.value) || isModule($0.value) }
    if inner.count > 1, let usual = Self.usualKeys.first(where: { key in inner.contains { $0.key == key } }) {
      return inner.last { $0.key == usual }?.value ?? pickle.root
    }
    return inner.count == 1 ? inner[0].value : pickle.root
  }

  private func value(at path: String) throws(DataError) -> PickleValue {
    var (value, rest) = (pickle.root, path[...])
    for _ in 0..<Self.deepest {
      let items = items(of: value)
      if let item = items.last(where: { $0.key == rest }) { return item.value }
      guard let item = items.last(where: { rest.hasPrefix($0.key + ".") }) else { break }
      value = item.value
      rest = rest.dropFirst(item.key.count + 1)
    }
    let known = items(of: pickle.root).prefix(8).map(\.key.quoted).joined(separator: ", ")
    throw DataError(.wrongInput, "the file has nothing under \(path.quoted)", remedy: "choose among \(known)")
  }
}
