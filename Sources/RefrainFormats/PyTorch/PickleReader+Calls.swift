import RefrainData

// What is done by hand for the functions that a pickle names.

extension PickleReader {
  private static let mostExtents = 64

  /// What a function makes of its arguments.
  mutating func call(_ function: PickleValue, with arguments: [PickleValue]) throws(DataError) -> PickleValue {
    if case .named(let name) = function { return makeObject(name) }
    guard case .global(let function) = function else { throw damaged("it calls what is no function") }
    switch function {
    case .orderedDictionary, .dictionary, .defaultDictionary:
      pushDictionary(try pairs(function == .defaultDictionary ? arguments.dropFirst() : arguments[...]))
      return try pop()
    case .list, .set, .size:
      // An empty list where nothing is given.
      pushList(try arguments.first.map { value throws(DataError) in try items(of: value) } ?? [])
      return try pop()
    case .device, .encode, .integer, .elementType: return .opaque
    case .rebuildTensor, .rebuildTensor2, .rebuildTensor3: return try tensor(arguments)
    case .buildIntegerList, .buildTensorList, .buildDoubleList, .buildBoolList, .restoreTypeTag:
      return arguments.first ?? .none
    case .rebuildParameter, .rebuildParameterWithState:
      guard case .tensor(let index)? = arguments.first else { throw damaged("a parameter in it is no tensor") }
      return .tensor(index)
    case .rebuildFromType:
      // The function that makes it, its type, that function's arguments, attributes. Functions call no functions, so
      // that this goes no deeper than one level.
      guard arguments.count >= 3, case .global(let inner) = arguments[0], inner != .rebuildFromType else {
        throw damaged("a tensor in it is not as PyTorch writes it")
      }
      return try call(arguments[0], with: items(of: arguments[2]))
    default:
      throw .unsupportedPickle("it wants to make a \(function.rawValue), which is known by name alone")
    }
  }

  /// An object of a class that is known by name alone.
  mutating func makeObject(_ name: Int) -> PickleValue {
    contained += 1
    pickle.objects.append(PickleObject(className: name))
    return .object(pickle.objects.count - 1)
  }

  /// The pairs of the list that a dictionary is made of, if one is given.
  func pairs(_ arguments: ArraySlice<PickleValue>) throws(DataError) -> [PickleValue] {
    guard let list = arguments.first else { return [] }
    var pairs: [PickleValue] = []
    for item in try items(of: list) {
      let pair = try items(of: item)
      guard pair.count == 2 else { throw damaged("a key in it has no value") }
      pairs += pair
    }
    return pairs
  }

  mutating func storage(_ parts: [PickleValue]) throws(DataError) -> PickleValue {
    // Before version 1.6 a class was named with its source.
    if parts.count >= 2, case .text(let tag) = parts[0], pickle.texts[tag] == "module" { return parts[1] }
    guard parts.count >= 5, case .text(let tag) = parts[0], pickle.texts[tag] == "storage",
      case .global(let type) = parts[1], type.isStorage, case .text(let key) = parts[2],
      case .integer(let count) = parts[4], count >= 0
    else { throw damaged("a storage in it is not as PyTorch writes it") }
    if parts.count > 5, case .list = parts[5] {
      throw .unsupportedPickle("a storage in it is a part of another one, as in very old files")
    }
    pickle.storages.append(PickleStorage(type: type, key: pickle.texts[key], count: count))
    return .storage(pickle.storages.count - 1)
  }

  mutating func tensor(_ parts: [PickleValue]) throws(DataError) -> PickleValue {
    guard parts.count >= 4, case .storage(let storage) = parts[0], case .integer(let offset) = parts[1] else {
      throw damaged("a tensor in it is not as PyTorch writes it")
    }
    let (shape, strides) = (try integers(parts[2]), try integers(parts[3]))
    guard shape.count == strides.count else {
      throw damaged("a tensor in it has the shape \(shape) and the strides \(strides)")
    }
    contained += 8 + 2 * shape.count
    var type: Int?
    if parts.count > 6, case .named(let name) = parts[6] { type = name }
    pickle.tensors.append(
      PickleTensor(storage: storage, offset: offset, shape: shape, strides: strides, type: type))
    return .tensor(pickle.tensors.count - 1)
  }

  func integers(_ value: PickleValue) throws(DataError) -> [Int] {
    let items = try items(of: value)
    guard items.count <= Self.mostExtents else { throw damaged("a tensor in it has \(items.count) axes") }
    var integers: [Int] = []
    for item in items {
      guard case .integer(let integer) = item else { throw damaged("an extent in it is no whole number") }
      integers.append(integer)
    }
    return integers
  }
}
