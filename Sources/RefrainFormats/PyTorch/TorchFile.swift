import RefrainData

/// The files of `torch.save`, `.pt` and `.pth`: a zip archive of a pickle, which says what there is, and of a file for
/// each storage of numbers.
enum TorchFile {
  /// The arrays of a file.
  ///
  /// - Parameters:
  ///   - bytes: the whole file.
  ///   - key: the dictionary to take them from, as ``StateDictionary/init(contentsOf:at:)`` has it.
  /// - Throws: `wrongFormat`, `damagedFile`, `unsupportedContent`, or `wrongInput` when there is nothing under the key.
  static func read(_ bytes: [UInt8], at key: String?) throws(DataError) -> [(name: String, array: NumericArray)] {
    guard !bytes.starts(with: oldMagicNumber) else {
      throw DataError(
        .unsupportedContent, "this is PyTorch's file format from before version 1.6",
        remedy: "save it again with today's torch.save")
    }
    let archive = try ZipArchive(bytes: bytes)
    guard let pickleName = archive.names.first(where: { $0 == pickleFile || $0.hasSuffix("/" + pickleFile) }) else {
      throw DataError(
        .wrongFormat, "this archive was not written by torch.save: it has no \(pickleFile)",
        remedy: "name a .pt or .pth file")
    }
    let folder = String(pickleName.dropLast(pickleFile.count))
    guard !archive.contains(folder + "constants.pkl") else {
      throw DataError(
        .unsupportedContent, "this is a TorchScript program; Refrain runs no code",
        remedy: "save the model's state_dict() with torch.save, or export it as ONNX")
    }
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
    let found = try PickleTensors.of(pickle, at: key, size: program.count)

    var contents: [String: ArraySlice<UInt8>] = [:]
    for (_, tensor) in found {
      let key = pickle.storages[pickle.tensors[tensor].storage].key
      let name = "\(folder)data/\(key)"
      if contents[key] == nil, archive.contains(name) { contents[key] = try take(name) }
    }
    let order = folder + "byteorder"
    let isBigEndian = try archive.contains(order) ? isBigEndian(take(order)) : false
    var storages = TorchStorages(pickle.storages, contents: contents, isBigEndian: isBigEndian)
    // Tensors that are named twice are made once.
    var arrays: [Int: NumericArray] = [:]
    var result: [(name: String, array: NumericArray)] = []
    for (name, tensor) in found {
      let array: NumericArray
      if let known = arrays[tensor] {
        array = known
      } else {
        array = try storages.array(pickle.tensors[tensor], name: name)
        arrays[tensor] = array
      }
      result.append((name, array))
    }
    return result
  }

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
  private static let oldMagicNumber: [UInt8] = [
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
