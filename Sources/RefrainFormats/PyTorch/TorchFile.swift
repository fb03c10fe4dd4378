import RefrainData

/// The files of `torch.save`, `.pt` and `.pth`: since version 1.6 a zip archive of a pickle, which says what there is,
/// and of a file for each storage of numbers; before, the same one after another. A state dictionary, a checkpoint, a
/// whole pickled model or a TorchScript program may be in it; no code of any of them is run.
enum TorchFile {
  /// What is in a file.
  struct Contents {
    var arrays: [(name: String, array: NumericArray)] = []
    /// What is known of the modules, where the model itself is in the file.
    var modules: [TorchModule] = []
    /// The tensors of types that cannot be read.
    var others: [(name: String, type: String, shape: [Int])] = []
  }

  /// The arrays and modules of a file.
  ///
  /// - Parameters:
  ///   - bytes: the whole file.
  ///   - key: the dictionary to take them from, as ``StateDictionary/init(contentsOf:at:)`` has it.
  /// - Throws: `wrongFormat`, `damagedFile`, `unsupportedContent`, or `wrongInput` when there is nothing under the key.
  static func read(_ bytes: [UInt8], at key: String?) throws(DataError) -> Contents {
    if isLegacy(bytes) { return try readLegacy(bytes, at: key) }
    if isPickle(bytes) { throw try plainPickle(bytes) }
    let archive = try ZipArchive(bytes: bytes)
    guard let pickleName = archive.names.first(where: { $0 == pickleFile || $0.hasSuffix("/" + pickleFile) }) else {
      throw DataError(
        .wrongFormat, "this archive was not written by torch.save: it has no \(pickleFile)",
        remedy: "name a .pt or .pth file")
    }
    let folder = String(pickleName.dropLast(pickleFile.count))
    var taken = 0
    /// The bytes of an entry. PyTorch compresses nothing; what is compressed beyond all measure wants to fill the
    /// memory.
    func take(_ name: String) throws(DataError) -> ArraySlice<UInt8> {
      let (size, overflows) = taken.addingReportingOverflow(archive.size(of: name) ?? 0)
      guard !overflows, size / 10 <= bytes.count else {
        throw DataError(
          .unsupportedContent, "the archive is compressed to less than a tenth", remedy: "save it again with torch.save"
        )
      }
      taken = size
      return try archive.slice(of: name)
    }
    let program = try take(pickleName)
    let pickle = try PickleReader.read(program)
    let found = try PickleTensors.of(
      pickle, at: key, size: program.count, constants: TorchScriptText.constants(in: archive, folder: folder))

    var contents: [String: ArraySlice<UInt8>] = [:]
    for (_, tensor) in found.found {
      let key = pickle.storages[pickle.tensors[tensor].storage].key
      let name = "\(folder)data/\(key)"
      if contents[key] == nil, archive.contains(name) { contents[key] = try take(name) }
    }
    let order = folder + "byteorder"
    let isBigEndian = try archive.contains(order) ? isBigEndian(take(order)) : false
    return try Self.contents(found, pickle, contents, isBigEndian: isBigEndian)
  }

  /// The arrays of tensors. One of a type that is not read is left out and noted, unless all are.
  private static func contents(
    _ found: PickleTensors, _ pickle: Pickle, _ bytes: [String: ArraySlice<UInt8>], isBigEndian: Bool
  ) throws(DataError) -> Contents {
    var storages = TorchStorages(pickle.storages, contents: bytes, isBigEndian: isBigEndian)
    // Tensors that are named twice are made once.
    var arrays: [Int: NumericArray] = [:]
    var result = Contents(modules: found.modules)
    for (name, tensor) in found.found {
      if let known = arrays[tensor] {
        result.arrays.append((name, known))
        continue
      }
      do throws(DataError) {
        let array = try storages.array(pickle.tensors[tensor], name: name)
        arrays[tensor] = array
        result.arrays.append((name, array))
      } catch  where error.code == .unsupportedTensorType {
        let tensor = pickle.tensors[tensor]
        let type = tensor.type.map { pickle.texts[$0] } ?? pickle.storages[tensor.storage].type.rawValue
        result.others.append((name, type, tensor.shape))
        if found.found.count == result.others.count {
          throw DataError(.unsupportedContent, error.problem, remedy: error.remedy)
        }
      }
    }
    return result
  }

  // MARK: - Files of before version 1.6

  /// Pickles of a number, a version, the system and the object, one of the storages' names, and the storages.
  private static func readLegacy(_ bytes: [UInt8], at key: String?) throws(DataError) -> Contents {
    var position = oldMagicNumber.count
    func next() throws(DataError) -> Pickle {
      let (pickle, end) = try PickleReader.readFirst(of: bytes[position...])
      position = end
      return pickle
    }
    guard case .integer(1001) = try next().root else {
      throw DataError(.damagedFile, "the file's version is not one of PyTorch's", remedy: "save it again")
    }
    let system = try next()
    var isBigEndian = false
    if case .dictionary(let index) = system.root {
      let items = system.dictionaries[index]
      for place in stride(from: 0, to: items.count - 1, by: 2) {
        if case .text(let key) = items[place], system.texts[key] == "little_endian",
          case .boolean(let value) = items[place + 1]
        {
          isBigEndian = !value
        }
      }
    }
    let start = position
    let pickle = try next()
    let size = position - start
    let keys = try next()
    guard case .list(let list) = keys.root else {
      throw DataError(.damagedFile, "the file does not list its storages", remedy: "copy or save it again")
    }
    let types = Dictionary(pickle.storages.map { ($0.key, $0) }) { first, _ in first }
    var contents: [String: ArraySlice<UInt8>] = [:]
    for item in keys.lists[list] {
      guard case .text(let index) = item, let storage = types[keys.texts[index]], let type = storage.type.elementSize,
        let count = bytes.littleEndian(at: position, as: UInt64.self).flatMap(Int.init(exactly:)),
        case (let needed, let overflows) = count.multipliedReportingOverflow(by: type), !overflows,
        needed <= bytes.count - position - 8
      else { throw DataError(.damagedFile, "a storage of the file is cut off", remedy: "copy or save it again") }
      contents[storage.key] = bytes[position + 8..<position + 8 + needed]
      position += 8 + needed
    }
    let found = try PickleTensors.of(pickle, at: key, size: size)
    return try Self.contents(found, pickle, contents, isBigEndian: isBigEndian)
  }

  /// Whether the bytes are of a file of before version 1.6.
  static func isLegacy(_ bytes: [UInt8]) -> Bool { bytes.starts(with: oldMagicNumber) }

  /// Whether the bytes may be a pickle of protocol 2 to 5, or one of protocol 0 that makes an object.
  static func isPickle(_ bytes: [UInt8]) -> Bool {
    // A safetensors file may begin so, too, with the length of its header.
    let isHeader = bytes.count > 8 && bytes[8] == UInt8(ascii: "{") && bytes[4..<8].allSatisfy { $0 == 0 }
    return bytes.count > 2 && bytes[0] == 0x80 && (2...5).contains(bytes[1]) && !isHeader
  }

  /// What is to be said of a pickle that `torch.save` did not write.
  static func plainPickle(_ bytes: [UInt8]) throws(DataError) -> DataError {
    var what = "a plain pickle of Python"
    let remedy = "save a PyTorch model with torch.save, a Keras model with model.save('model.keras')"
    if let pickle = try? PickleReader.readFirst(of: bytes[...]).pickle {
      let names = [pickle.root].compactMap { value -> String? in
        guard case .object(let index) = value else { return nil }
        return pickle.texts[pickle.objects[index].className]
      }
      if let name = names.first { what += ", of a \(name.quoted)" }
    } else if let name = firstGlobal(bytes) {
      what += ", of a \(name.quoted)"
    }
    return DataError(.wrongFormat, "the file is \(what), which Refrain does not unpickle", remedy: remedy)
  }

  /// The first class that a pickle names.
  private static func firstGlobal(_ bytes: [UInt8]) -> String? {
    // In protocol 4 two short texts before the operation that joins them.
    let start = bytes.prefix(512)
    var texts: [String] = []
    var position = 2
    while position < start.count, texts.count < 2 {
      if start[position] == 0x8C, position + 1 < start.count {
        let end = position + 2 + Int(start[position + 1])
        guard end <= start.count else { break }
        texts.append(String(decoding: start[position + 2..<end], as: UTF8.self))
        position = end
      } else if start[position] == 0x63 {
        return String(decoding: start[(position + 1)...].prefix { $0 >= 0x20 }, as: UTF8.self)
      } else {
        position += start[position] == 0x95 ? 9 : 1
      }
    }
    return texts.count == 2 ? texts.joined(separator: ".") : nil
  }

  // MARK: - Writing

  /// The bytes of a file of arrays whose names are all different, each in its type.
  ///
  /// - Throws: `inexactConversion` when a whole number does not fit into its type.
  static func bytes(_ entries: [NamedArray]) throws(DataError) -> [UInt8] {
    var writer = ZipWriter()
    let tensors = entries.map { entry in
      (name: entry.name, storage: PickleGlobal.storage(of: entry.array.type), shape: entry.array.shape)
    }
    writer.add("archive/" + pickleFile, PickleWriter.bytes(tensors))
    writer.add("archive/byteorder", Array("little".utf8))
    for (index, entry) in entries.enumerated() {
      writer.add("archive/data/\(index)", try entry.array.littleEndianBytes())
    }
    writer.add("archive/version", Array("3\n".utf8))
    return writer.bytes()
  }

  private static let pickleFile = "data.pkl"
  /// A pickle of the number with which PyTorch began its files before they were archives.
  static let oldMagicNumber: [UInt8] = [
    0x80, 0x02, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E,
  ]

  /// What the note of the order of bytes says; files from before there was one are little-endian.
  private static func isBigEndian(_ note: ArraySlice<UInt8>) throws(DataError) -> Bool {
    switch String(decoding: note, as: UTF8.self) {
    case "little": return false
    case "big": return true
    default:
      throw DataError(.damagedFile, "the file does not say the order of its bytes", remedy: "save it again")
    }
  }
}
