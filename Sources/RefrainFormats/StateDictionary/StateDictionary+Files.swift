import RefrainData

extension StateDictionary {
  /// Reads a file of PyTorch's (`.pt`, `.pth`) or of safetensors; the first bytes tell which it is.
  ///
  /// A `.pt` file may hold more than a state dictionary, such as `{"model": {…}, "epoch": 3}`; then the only dictionary
  /// of tensors in it is taken, or the one called `model_state_dict`, `state_dict` or the like. Of others, all are,
  /// under names such as `encoder.weight`, and `key` chooses one. Of a whole pickled model, or a TorchScript program,
  /// the tensors are taken and ``modules`` tells what is known of its parts; no code is run.
  ///
  /// - Parameters:
  ///   - path: the file.
  ///   - key: the keys of dictionaries to go into, joined by dots, such as `model`; in a safetensors file, what the
  ///     names begin with.
  /// - Throws: `missingFile`, `isDirectory`, `unreadableFile`, or what ``init(bytes:at:file:)`` throws.
  public init(contentsOf path: String, at key: String? = nil) throws(DataError) {
    try self.init(bytes: readFile(path), at: key, file: path)
  }

  /// Reads the bytes of a file.
  ///
  /// - Throws: `notSafeTensors`, `wrongFormat` when this is another kind of file; `corruptSafeTensors`, `damagedFile`
  ///   when it is damaged or forged; `unsupportedTensorType`, `unsupportedContent` when it wants to run code or holds
  ///   what has no place here; `wrongInput` when nothing is under `key`.
  public init(bytes: [UInt8], at key: String? = nil, file: String? = nil) throws(DataError) {
    self.init()
    do throws(DataError) {
      let isTorch = bytes.starts(with: Array("PK".utf8)) || TorchFile.isPickle(bytes)
      let arrays: [(name: String, array: NumericArray)]
      if isTorch {
        let contents = try TorchFile.read(bytes, at: key)
        arrays = contents.arrays
        modules = contents.modules
        unread = contents.others.map { "\($0.name) of \($0.type) \($0.shape)" }
      } else {
        arrays = try SafeTensorsFile(bytes: bytes).tensors.map { ($0.name, $0.array) }
      }
      for (name, array) in arrays {
        guard self[name] == nil else {
          throw DataError(
            .unsupportedContent, "two tensors in the file are called \(name.quoted)",
            remedy: "choose one part by its key")
        }
        self[name] = array
      }
      if let key, !isTorch {
        self = under(key)
        if entries.isEmpty { throw DataError(.wrongInput, "no name in the file begins with \(key.quoted) and a dot") }
      }
    } catch {
      throw error.inFile(file)
    }
  }

  /// Writes a file, whole or not at all: what `torch.load(weights_only=True)` reads when the name ends in `.pt` or
  /// `.pth`, and safetensors when it ends in `.safetensors`.
  ///
  /// - Throws: `wrongInput` for another ending, `invalidTensor` for a name that safetensors reserves, or what writing
  ///   throws.
  public func write(to path: String) throws(DataError) {
    let ending = path.split(separator: ".").last.map { $0.lowercased() }
    switch ending {
    case "pt", "pth": try writeAtomically(torchBytes(), to: path)
    case "safetensors": try writeAtomically(safeTensorsBytes(), to: path)
    default:
      throw DataError(
        .wrongInput, file: path, "the name does not say the format",
        remedy: "let it end in .pt, .pth or .safetensors")
    }
  }

  /// The bytes of a `.pt` file, each array in its type.
  ///
  /// - Throws: `inexactConversion` when a whole number does not fit into its type.
  public func torchBytes() throws(DataError) -> [UInt8] { try TorchFile.bytes(entries) }

  /// The bytes of a `.safetensors` file, each array in its type.
  ///
  /// - Throws: `invalidTensor` for a name that the format reserves, `inexactConversion`.
  public func safeTensorsBytes() throws(DataError) -> [UInt8] {
    try SafeTensorsFile(tensors: entries).bytes()
  }
}
