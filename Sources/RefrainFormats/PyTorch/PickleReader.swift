import RefrainData

/// Runs the program that a pickle is, of protocol 2 to 5, as far as `torch.save` needs it: values are stacked, put
/// together and remembered, and the few functions of ``PickleGlobal`` are done by hand. Of any other class or function
/// an object is made that knows its name and what it was given, and no more; a pickle that names what no model needs,
/// such as `os.system`, is refused.
struct PickleReader {
  private var program: PickleBytes
  var pickle = Pickle()
  var stack: [PickleValue] = []
  /// How high the stack was at each mark.
  var marks: [Int] = []
  var memo: [Int: PickleValue] = [:]
  /// How many values containers hold.
  var contained = 0

  /// The values on the stack and in the memo at most: `torch.save` puts a thousand at a time, and names each object
  /// once.
  private static let deepestStack = 1 << 16
  private static let deepestMarks = 1 << 12

  /// Runs a program.
  ///
  /// - Throws: `unsupportedContent` where it wants more than tensors do, `damagedFile` where it makes no sense.
  static func read(_ program: ArraySlice<UInt8>) throws(DataError) -> Pickle { try readFirst(of: program).pickle }

  /// Runs the program with which some bytes begin; also returns where it ends.
  static func readFirst(of bytes: ArraySlice<UInt8>) throws(DataError) -> (pickle: Pickle, end: Int) {
    var reader = PickleReader(bytes)
    try reader.run()
    return (reader.pickle, reader.program.position)
  }

  private init(_ program: ArraySlice<UInt8>) { self.program = PickleBytes(program) }

  func damaged(_ problem: String) -> DataError { .damagedPickle(problem) }

  mutating func run() throws(DataError) {
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

  mutating func perform(_ operation: PickleOperation) throws(DataError) {
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
    case .bytes1: try pushBytes(count: Int(try program.readByte()))
    case .bytes4: try pushBytes(count: program.readCount(width: 4))
    case .string1: try pushString(count: Int(try program.readByte()))
    case .string4: try pushString(count: program.readCount(width: 4))
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
      // Attributes of an object: of a module what it consists of, of a state dictionary its metadata.
      let state = try pop()
      if case .object(let index) = try top() { pickle.objects[index].state = state }
    case .persistentID: stack.append(try storage(items(of: pop())))
    }
  }
}

// MARK: - Reading the program

extension PickleReader {
  mutating func pushText(count: Int) throws(DataError) {
    pickle.texts.append(try program.readText(count: count))
    stack.append(.text(pickle.texts.count - 1))
  }

  mutating func pushBytes(count: Int) throws(DataError) {
    _ = try program.readSlice(count)
    stack.append(.opaque)
  }

  /// A string of Python 2, which may be text or any bytes.
  mutating func pushString(count: Int) throws(DataError) {
    let bytes = try program.readSlice(count)
    guard let text = String(validating: bytes, as: UTF8.self) else { return stack.append(.opaque) }
    pickle.texts.append(text)
    stack.append(.text(pickle.texts.count - 1))
  }

  /// A whole number in two's complement.
  mutating func pushLong(count: Int) throws(DataError) {
    let bytes = try program.readSlice(count)
    guard count <= 8 else { return stack.append(.opaque) }
    let isNegative = bytes.last.map { $0 > 0x7F } ?? false
    let value = bytes.reversed().reduce(isNegative ? -1 : 0) { $0 << 8 | Int($1) }
    stack.append(.integer(value))
  }

  mutating func pushGlobal(_ module: String, _ name: String) throws(DataError) {
    guard let global = PickleGlobal(module: module, name: name) else {
      if PickleGlobal.isHarmless(module: module, name: name) {
        pickle.texts.append(module + "." + name)
        return stack.append(.named(pickle.texts.count - 1))
      }
      throw DataError(
        .unsupportedContent, "the file wants to call \((module + "." + name).inQuotes); Refrain runs no code",
        remedy: "save the model's state_dict() alone")
    }
    stack.append(.global(global))
  }
}
