import RefrainData

/// Runs the program that a pickle is, of protocol 2 to 5, as far as `torch.save` needs it: values are stacked, put together
/// and remembered, and the few functions of ``PickleGlobal`` are done by hand. A pickle that wants to call anything else is
/// refused by name.
struct PickleReader {
  private var program: PickleBytes
  private(set) var pickle = Pickle()
  private var stack: [PickleValue] = []
  /// How high the stack was at each mark.
  private var marks: [Int] = []
  private var memo: [Int: PickleValue] = [:]
  /// How many values containers hold.
  private var contained = 0

  /// The values on the stack and in the memo at most: `torch.save` puts a thousand at a time, and names each object once.
  private static let deepestStack = 1 << 16
  private static let deepestMarks = 1 << 12
  private static let mostExtents = 64

  /// Runs a program.
  ///
  /// - Throws: `unsupportedContent` where it wants more than tensors do, `damagedFile` where it makes no sense.
  static func read(_ program: ArraySlice<UInt8>) throws(DataError) -> Pickle {
    var reader = PickleReader(program)
    try reader.run()
    return reader.pickle
  }

  private init(_ program: ArraySlice<UInt8>) { self.program = PickleBytes(program) }

  private func damaged(_ problem: String) -> DataError { .damagedPickle(problem) }

  private mutating func run() throws(DataError) {
    while true {
      let code = try program.readByte()
      guard let operation = PickleOperation(rawValue: code) else {
        throw .unsupportedPickle("an operation \(code) that it has no need of")
      }
      if operation == .stop {
        pickle.root = try pop()
        return
      }
      try perform(operation)
      guard stack.count <= Self.deepestStack, marks.count <= Self.deepestMarks else {
        throw damaged("its stack grows beyond \(Self.deepestStack) values")
      }
      guard contained <= Self.deepestStack + program.count, memo.count <= Self.deepestStack + program.count / 4 else {
        throw damaged("it names and repeats more values than so short a file can want")
      }
    }
  }

  private mutating func perform(_ operation: PickleOperation) throws(DataError) {
    switch operation {
    case .stop: break
    case .proto:
      let version = try program.readByte()
      guard (2...5).contains(version) else { throw .unsupportedPickle("it is of protocol \(version), not 2 to 5") }
    case .frame: _ = try program.readCount(width: 8)
    case .mark: marks.append(stack.count)
    case .pop: _ = try pop()
    case .popMark: _ = try popToMark()
    case .duplicate: stack.append(try top())
    case .none: stack.append(.none)
    case .newTrue: stack.append(.boolean(true))
    case .newFalse: stack.append(.boolean(false))
    case .integer: stack.append(.integer(Int(Int32(truncatingIfNeeded: try program.readUnsigned(width: 4)))))
    case .integer1: stack.append(.integer(Int(try program.readByte())))
    case .integer2: stack.append(.integer(Int(try program.readUnsigned(width: 2))))
    case .long1: try pushLong(count: Int(try program.readByte()))
    case .long4: try pushLong(count: program.readCount(width: 4))
    case .real:
      stack.append(.real(Double(bitPattern: try program.readUnsigned(width: 8).byteSwapped)))
    case .text1: try pushText(count: Int(try program.readByte()))
    case .text4: try pushText(count: program.readCount(width: 4))
    case .text8: try pushText(count: program.readCount(width: 8))
    case .bytes1, .string1: try pushBytes(count: Int(try program.readByte()))
    case .bytes4, .string4: try pushBytes(count: program.readCount(width: 4))
    case .bytes8, .byteArray8: try pushBytes(count: program.readCount(width: 8))
    case .emptyTuple, .emptyList, .emptySet: pushList([])
    case .tuple1: try pushTuple(count: 1)
    case .tuple2: try pushTuple(count: 2)
    case .tuple3: try pushTuple(count: 3)
    case .tuple, .list, .frozenSet: try pushList(popToMark())
    case .append:
      let value = try pop()
      try append([value])
    case .appends, .addItems: try append(popToMark())
    case .emptyDictionary: pushDictionary([])
    case .dictionary: try pushDictionary(checked(popToMark()))
    case .setItem:
      let (value, key) = (try pop(), try pop())
      try setItems([key, value])
    case .setItems: try setItems(checked(popToMark()))
    case .memoize: memo[memo.count] = try top()
    case .put1: memo[Int(try program.readByte())] = try top()
    case .put4: memo[Int(try program.readUnsigned(width: 4))] = try top()
    case .get1: try recall(Int(try program.readByte()))
    case .get4: try recall(Int(try program.readUnsigned(width: 4)))
    case .global:
      let module = try program.readLine()
      try pushGlobal(module, program.readLine())
    case .stackGlobal:
      guard case .text(let name) = try pop(), case .text(let module) = try pop() else {
        throw damaged("it names a function by what is no text")
      }
      try pushGlobal(pickle.texts[module], pickle.texts[name])
    case .reduce:
      let (arguments, function) = (try pop(), try pop())
      stack.append(try call(function, with: items(of: arguments)))
    case .newObject, .newObjectWithNames:
      if operation == .newObjectWithNames { _ = try pop() }
      let (arguments, type) = (try pop(), try pop())
      stack.append(try call(type, with: items(of: arguments)))
    case .build:
      // Attributes of an object, such as the metadata of a state dictionary; no tensor is among them.
      _ = try pop()
      _ = try top()
    case .persistentID: stack.append(try storage(items(of: pop())))
    }
  }
}

// MARK: - Reading the program

extension PickleReader {
  private mutating func pushText(count: Int) throws(DataError) {
    pickle.texts.append(try program.readText(count: count))
    stack.append(.text(pickle.texts.count - 1))
  }

  private mutating func pushBytes(count: Int) throws(DataError) {
    _ = try program.readSlice(count)
    stack.append(.opaque)
  }

  /// A whole number in two's complement.
  private mutating func pushLong(count: Int) throws(DataError) {
    let bytes = try program.readSlice(count)
    guard count <= 8 else { return stack.append(.opaque) }
    let isNegative = bytes.last.map { $0 > 0x7F } ?? false
    let value = bytes.reversed().reduce(isNegative ? -1 : 0) { $0 << 8 | Int($1) }
    stack.append(.integer(value))
  }

  private mutating func pushGlobal(_ module: String, _ name: String) throws(DataError) {
    guard let global = PickleGlobal(module: module, name: name) else {
      throw DataError(
        .unsupportedContent, "the file wants to call \((module + "." + name).inQuotes); Refrain runs no code",
        remedy: "save the model's state_dict() alone")
    }
    stack.append(.global(global))
  }
}

// MARK: - Stack and containers

extension PickleReader {
  /// The values above the last mark belong to whoever takes the mark; what lies below may not be taken before.
  private var floor: Int { marks.last ?? 0 }

  private mutating func pop() throws(DataError) -> PickleValue {
    guard stack.count > floor else { throw damaged("it takes a value where there is none") }
    return stack.removeLast()
  }

  private func top() throws(DataError) -> PickleValue {
    guard stack.count > floor, let value = stack.last else { throw damaged("it takes a value where there is none") }
    return value
  }

  private mutating func popToMark() throws(DataError) -> [PickleValue] {
    guard let mark = marks.popLast(), mark <= stack.count else { throw damaged("it takes a mark where there is none") }
    defer { stack.removeSubrange(mark...) }
    return Array(stack[mark...])
  }

  private mutating func recall(_ index: Int) throws(DataError) {
    guard let value = memo[index] else { throw damaged("it recalls what it has not remembered") }
    stack.append(value)
  }

  private mutating func pushList(_ values: [PickleValue]) {
    contained += values.count + 1
    pickle.lists.append(values)
    stack.append(.list(pickle.lists.count - 1))
  }

  private mutating func pushTuple(count: Int) throws(DataError) {
    guard stack.count - floor >= count else { throw damaged("it takes a value where there is none") }
    let values = Array(stack.suffix(count))
    stack.removeLast(count)
    pushList(values)
  }

  private mutating func append(_ values: [PickleValue]) throws(DataError) {
    guard case .list(let index) = try top() else { throw damaged("it appends to what is no list") }
    contained += values.count
    pickle.lists[index] += values
  }

  private mutating func pushDictionary(_ pairs: [PickleValue]) {
    contained += pairs.count + 1
    pickle.dictionaries.append(pairs)
    stack.append(.dictionary(pickle.dictionaries.count - 1))
  }

  private mutating func setItems(_ pairs: [PickleValue]) throws(DataError) {
    switch try top() {
    case .dictionary(let index):
      contained += pairs.count
      pickle.dictionaries[index] += pairs
    default: throw damaged("it sets items of what is no dictionary")
    }
  }

  private func checked(_ pairs: [PickleValue]) throws(DataError) -> [PickleValue] {
    guard pairs.count % 2 == 0 else { throw damaged("a key in it has no value") }
    return pairs
  }

  private func items(of value: PickleValue) throws(DataError) -> [PickleValue] {
    guard case .list(let index) = value else { throw damaged("it calls a function with what is no tuple") }
    return pickle.lists[index]
  }
}

// MARK: - Calls

extension PickleReader {
  /// What a function makes of its arguments.
  private mutating func call(_ function: PickleValue, with arguments: [PickleValue]) throws(DataError) -> PickleValue {
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
    case .rebuildTensor, .rebuildTensor2: return try tensor(arguments)
    case .rebuildParameter, .rebuildParameterWithState:
      guard case .tensor(let index)? = arguments.first else { throw damaged("a parameter in it is no tensor") }
      return .tensor(index)
    case .rebuildFromType:
      // The function that makes it, its type, that function's arguments, attributes. Functions call no functions, so that
      // this goes no deeper than one level.
      guard arguments.count >= 3, case .global(let inner) = arguments[0], inner != .rebuildFromType else {
        throw damaged("a tensor in it is not as PyTorch writes it")
      }
      return try call(arguments[0], with: items(of: arguments[2]))
    default:
      throw .unsupportedPickle("it wants to make a \(function.rawValue), which is known by name alone")
    }
  }

  /// The pairs of the list that a dictionary is made of, if one is given.
  private func pairs(_ arguments: ArraySlice<PickleValue>) throws(DataError) -> [PickleValue] {
    guard let list = arguments.first else { return [] }
    var pairs: [PickleValue] = []
    for item in try items(of: list) {
      let pair = try items(of: item)
      guard pair.count == 2 else { throw damaged("a key in it has no value") }
      pairs += pair
    }
    return pairs
  }

  private mutating func storage(_ parts: [PickleValue]) throws(DataError) -> PickleValue {
    guard parts.count >= 5, case .text(let tag) = parts[0], pickle.texts[tag] == "storage",
      case .global(let type) = parts[1], type.isStorage, case .text(let key) = parts[2],
      case .integer(let count) = parts[4], count >= 0
    else { throw damaged("a storage in it is not as PyTorch writes it") }
    pickle.storages.append(PickleStorage(type: type, key: pickle.texts[key], count: count))
    return .storage(pickle.storages.count - 1)
  }

  private mutating func tensor(_ parts: [PickleValue]) throws(DataError) -> PickleValue {
    guard parts.count >= 4, case .storage(let storage) = parts[0], case .integer(let offset) = parts[1] else {
      throw damaged("a tensor in it is not as PyTorch writes it")
    }
    let (shape, strides) = (try integers(parts[2]), try integers(parts[3]))
    guard shape.count == strides.count else {
      throw damaged("a tensor in it has the shape \(shape) and the strides \(strides)")
    }
    contained += 8 + 2 * shape.count
    pickle.tensors.append(PickleTensor(storage: storage, offset: offset, shape: shape, strides: strides))
    return .tensor(pickle.tensors.count - 1)
  }

  private func integers(_ value: PickleValue) throws(DataError) -> [Int] {
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
