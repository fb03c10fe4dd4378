import RefrainData
import RefrainTestSupport
import Testing

@testable import RefrainFormats

/// Programs that no `torch.save` wrote.
@Suite struct `A hostile pickle` {
  /// A weight `[2, 3]` and what else is asked for, in an archive of six floats.
  private func tensor(
    shape: [Int] = [2, 3], strides: [Int] = [3, 1], offset: Int = 0, count: Int = 6, key: String = "0",
    storage: PickleGlobal = .floatStorage, writing text: (String) -> [UInt8] = text
  ) -> [UInt8] {
    var storage = mark() + text("storage") + global(storage.rawValue)
    storage += text(key) + text("cpu") + number(count)
    storage += [PickleOperation.tuple.rawValue, PickleOperation.persistentID.rawValue]
    func tuple(_ numbers: [Int]) -> [UInt8] { mark() + numbers.flatMap(number) + code(.tuple) }
    var program = global("torch._utils._rebuild_tensor_v2") + mark() + storage
    program += number(offset) + tuple(shape)
    program += tuple(strides) + code(.tuple) + code(.reduce)
    return program
  }

  private func dictionary(_ value: [UInt8]) -> [UInt8] {
    code(.emptyDictionary) + text("weight") + value + code(.setItem) + code(.stop)
  }

  private func read(_ program: [UInt8]) -> Result<StateDictionary, DataError> {
    Result { () throws(DataError) in try StateDictionary(bytes: torchArchive(program)) }
  }

  private func failure(_ program: [UInt8]) -> DataError? {
    if case .failure(let error) = read(program) { error } else { nil }
  }

  @Test func `is built here as PyTorch builds it`() throws {
    let weight = try read(dictionary(tensor())).get()["weight"]
    #expect(weight == NumericArray([0, 1, 2, 3, 4, 5] as [Float], shape: [2, 3]))
    let turned = try read(dictionary(tensor(shape: [3, 1], strides: [2, .max], offset: 1))).get()["weight"]
    #expect(turned?.values == .floats([1, 3, 5]))
  }

  @Test func `by Python 2 has its texts as strings`() throws {
    for name in ["weight", String(repeating: "w", count: 300)] {
      let program = code(.emptyDictionary) + string(name) + tensor(writing: string) + code(.setItem) + code(.stop)
      let weight = try read(program).get()[name]
      #expect(weight == NumericArray([0, 1, 2, 3, 4, 5] as [Float], shape: [2, 3]))
    }
    // One that is no UTF-8 is bytes, which name nothing.
    let bytes = code(.string1) + [2, 0xC3, 0x28]
    #expect(failure(code(.emptyDictionary) + text("a") + bytes + code(.setItem) + code(.stop))?.code == .wrongInput)
    // A whole file of before version 1.6.
    var file = TorchFile.oldMagicNumber + number(1001) + code(.stop)
    file += code(.emptyDictionary) + string("little_endian") + code(.newTrue) + code(.setItem) + code(.stop)
    file += code(.emptyDictionary) + string("weight") + tensor(writing: string) + code(.setItem) + code(.stop)
    file += code(.emptyList) + string("0") + code(.append) + code(.stop)
    file += withUnsafeBytes(of: 6.littleEndian, Array.init)
    file += (0..<6).flatMap { withUnsafeBytes(of: Float($0).bitPattern.littleEndian, Array.init) }
    #expect(
      try StateDictionary(bytes: file)["weight"] == NumericArray([0, 1, 2, 3, 4, 5] as [Float], shape: [2, 3]))
  }

  @Test(arguments: [
    "os.system", "posix.system", "subprocess.Popen", "builtins.eval", "builtins.__import__", "builtins.getattr",
    "operator.attrgetter", "torch.load", "torch.hub.load", "torch.jit._script.unpackage_script_module",
    "collections.OrderedDict.__init__", "torch.storage._load_from_bytes", "functools.partial", "pickle.loads",
  ])
  func `calls nothing that is not on the list`(_ name: String) {
    for call in [global(name), stackGlobal(name)] {
      let program = call + text("touch /tmp/x") + code(.tuple1) + code(.reduce)
      // Alone, in a dictionary, and behind a pop that hides it.
      for program in [program + code(.stop), dictionary(program), program + code(.pop) + dictionary(tensor())] {
        let error = failure(program)
        #expect(error?.code == .unsupportedContent)
        #expect(error?.problem.hasPrefix("the file wants to call '\(name)'") == true)
      }
    }
  }

  @Test func `calls nothing by way of what is on the list`() {
    let inner = global("torch._tensor._rebuild_from_type_v2")
    var nested = mark() + inner + global("torch.Tensor")
    nested += code(.emptyTuple) + code(.none) + code(.tuple)
    #expect(failure(inner + nested + code(.reduce) + code(.stop))?.code == .damagedFile)
    #expect(failure(global("torch.FloatStorage") + code(.emptyTuple) + code(.reduce) + code(.stop)) != nil)
    // A text is no function, and neither is a tensor.
    #expect(failure(text("os.system") + code(.emptyTuple) + code(.reduce) + code(.stop))?.code == .damagedFile)
    #expect(failure(tensor() + code(.emptyTuple) + code(.newObject) + code(.stop))?.code == .damagedFile)
    // The old ways to name a function: INST, EXT1, and protocol 0.
    for operation in ["(S'ls'\nios\nsystem\n.", "\u{82}\u{1}.", "I1\n."] {
      #expect(failure(Array(operation.unicodeScalars.map { UInt8($0.value) }))?.code == .unsupportedContent)
    }
  }

  @Test func `may be nested without end`() {
    let depth = 60_000
    let lists = Array(repeating: PickleOperation.emptyList.rawValue, count: depth)
    let nested = lists + Array(repeating: PickleOperation.append.rawValue, count: depth - 1) + code(.stop)
    #expect(failure(nested)?.code == .unsupportedContent)
    let tuples = code(.none) + Array(repeating: PickleOperation.tuple1.rawValue, count: 1 << 20)
    #expect(failure(tuples + code(.stop)) != nil)
    #expect(failure(Array(repeating: PickleOperation.mark.rawValue, count: 1 << 20))?.code == .damagedFile)
    #expect(failure(Array(repeating: PickleOperation.none.rawValue, count: 1 << 20))?.code == .damagedFile)
  }

  @Test func `may contain itself`() {
    let program = code(.emptyDictionary) + [PickleOperation.put1.rawValue, 0] + text("a")
    let again: [UInt8] = [PickleOperation.get1.rawValue, 0]
    #expect(failure(program + again + code(.setItem) + code(.stop))?.code == .unsupportedContent)
  }

  @Test func `may double at every line`() {
    // Each dictionary has the one before twice: 2⁴⁰ tensors of a kilobyte of program.
    var program = tensor() + [PickleOperation.put1.rawValue, 0]
    for level in 1...40 {
      let before: [UInt8] = [PickleOperation.get1.rawValue, UInt8(level - 1)]
      program += code(.emptyDictionary) + mark() + text("a") + before
      program += text("b") + before + code(.setItems)
      program += [PickleOperation.put1.rawValue, UInt8(level)]
    }
    #expect(failure(program + code(.stop))?.code == .unsupportedContent)
    // Lists that are appended to themselves by way of a set of them.
    var list = code(.emptyList) + mark()
    list += Array(repeating: PickleOperation.none.rawValue, count: 1000)
    list += code(.appends) + [PickleOperation.put1.rawValue, 0]
    var copy = global("builtins.dict")
    copy += [PickleOperation.get1.rawValue, 0]
    copy += code(.tuple1) + code(.reduce) + code(.pop)
    let copies = Array(repeating: copy, count: 1 << 16).joined()
    #expect(failure(list + copies + code(.stop)) != nil)
  }

  @Test func `may promise more than it has`() {
    let endless: [[UInt8]] = [
      [0x8B, 0xFF, 0xFF, 0xFF, 0x7F], [0x8B, 0xFF, 0xFF, 0xFF, 0xFF], [0x58, 0xFF, 0xFF, 0xFF, 0x7F],
      [0x8D] + Array(repeating: 0xFF, count: 8), [0x8E] + Array(repeating: 0xFF, count: 8),
      [0x95] + Array(repeating: 0xFF, count: 8), [0x8C, 200], [0x8A, 9, 1], [0x63, 0x61], [],
    ]
    for program in endless { #expect(failure(program)?.code == .damagedFile, "\(program)") }
  }

  @Test func `may take what is not there`() {
    let programs: [[UInt8]] = [
      code(.stop), code(.pop) + code(.stop), code(.tuple) + code(.stop), code(.tuple2) + code(.stop),
      mark() + code(.pop), code(.none) + code(.none) + mark() + code(.pop), [PickleOperation.get1.rawValue, 3],
      code(.memoize),
      code(.setItems),
      code(.none) + mark() + code(.setItems), code(.emptyDictionary) + mark() + code(.none) + code(.setItems),
      code(.none) + code(.none) + code(.append), code(.none) + code(.persistentID), code(.build),
      code(.emptyDictionary) + mark() + code(.setItem),
    ]
    for program in programs { #expect(failure(program + code(.stop))?.code == .damagedFile, "\(program)") }
  }

  @Test func `may claim any shape`() {
    let huge = 1 << 40
    let tensors = [
      tensor(shape: [huge, huge]), tensor(shape: [huge], strides: [1]), tensor(shape: [huge], strides: [0], count: 6),
      tensor(shape: [2, 3], strides: [-3, 1]), tensor(shape: [-2, -3]), tensor(offset: -1), tensor(offset: 1),
      tensor(offset: .max), tensor(strides: [.max, .max]), tensor(shape: [2, 3], strides: [1]), tensor(count: 7),
      tensor(count: .max), tensor(count: -1), tensor(count: 5), tensor(key: "1"), tensor(key: "../data.pkl"),
      tensor(storage: .doubleStorage), tensor(storage: .untypedStorage), tensor(storage: .orderedDictionary),
      tensor(shape: Array(repeating: 1, count: 65), strides: Array(repeating: 1, count: 65)),
      tensor(shape: [1 << 20], strides: [0]), tensor(shape: [1 << 62, 4, 0], strides: [0, 0, 0]),
    ]
    for program in tensors { #expect(failure(dictionary(program)) != nil, "\(program)") }
  }

  @Test func `may share a storage so often that memory would end`() {
    // Every tensor is within its storage; one alone may be, all together may not.
    let part = tensor(shape: [500, 500], strides: [0, 0])
    #expect(failure(dictionary(part)) == nil)
    var program = code(.emptyDictionary)
    for index in 0..<2 { program += text("w\(index)") + part + code(.setItem) }
    #expect(failure(program + code(.stop))?.code == .unsupportedContent)
  }

  @Test func `may be compressed to nothing`() {
    var writer = ZipWriter()
    writer.add("archive/data.pkl", Array(repeating: 0x30, count: 1 << 22), compressed: true)
    let error = dataError { () throws(DataError) in try StateDictionary(bytes: writer.bytes()) }
    #expect(error?.problem == "the archive is compressed to less than a tenth")
  }
}

// MARK: - Writing programs

func code(_ operation: PickleOperation) -> [UInt8] { [operation.rawValue] }
func mark() -> [UInt8] { code(.mark) }

func text(_ text: String) -> [UInt8] { [PickleOperation.text1.rawValue, UInt8(text.utf8.count)] + Array(text.utf8) }

/// A text as Python 2 has it.
func string(_ text: String) -> [UInt8] {
  let count = text.utf8.count
  let head =
    count < 256
    ? code(.string1) + [UInt8(count)]
    : code(.string4) + withUnsafeBytes(of: UInt32(count).littleEndian, Array.init)
  return head + Array(text.utf8)
}

func number(_ number: Int) -> [UInt8] {
  [PickleOperation.long1.rawValue, 8] + withUnsafeBytes(of: number.littleEndian, Array.init)
}

private func parts(_ name: String) -> (module: String, name: String) {
  let dot = name.lastIndex(of: ".") ?? name.startIndex
  return (String(name[..<dot]), String(name[dot...].dropFirst()))
}

func global(_ name: String) -> [UInt8] { code(.global) + Array("\(parts(name).module)\n\(parts(name).name)\n".utf8) }

func stackGlobal(_ name: String) -> [UInt8] { text(parts(name).module) + text(parts(name).name) + code(.stackGlobal) }

/// An archive of a program and of one storage of the six floats from 0 to 5.
func torchArchive(_ program: [UInt8]) -> [UInt8] {
  var writer = ZipWriter()
  writer.add("archive/data.pkl", program)
  writer.add("archive/data/0", (0..<6).flatMap { withUnsafeBytes(of: Float($0).bitPattern.littleEndian, Array.init) })
  return writer.bytes()
}
