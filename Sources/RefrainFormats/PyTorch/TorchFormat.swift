import Refrain
import RefrainData

/// State dictionaries in PyTorch's own files.
package enum TorchFormat: WritableFormat {
  package static let name = "pytorch"
  package static let title = "PyTorch file"
  package static let endings = ["pt", "pth"]

  package static func recognizes(_ file: ForeignFile) throws(DataError) -> Bool {
    if let entries = file.entries { return entries.contains { $0.hasSuffix("data.pkl") } }
    if TorchFile.isLegacy(file.bytes) { return true }
    guard TorchFile.isPickle(file.bytes) else { return false }
    throw try TorchFile.plainPickle(file.bytes).inFile(file.path)
  }

  package static func model(
    in file: ForeignFile, assuming assumptions: StateAssumptions
  ) throws(DataError) -> ImportedModel {
    try StateDictionary(bytes: file.bytes, at: assumptions.key, file: file.path).imported(assumptions)
  }

  package static func describe(_ file: ForeignFile, in information: inout ModelInformation) throws(DataError) {
    information.addState(try StateDictionary(bytes: file.bytes, file: file.path))
  }

  /// Writes a state dictionary, into safetensors where the file's name ends so.
  package static func write(_ model: Sequential, _ options: WritingOptions) throws(DataError) -> WrittenModel {
    let state = try StateDictionary(model, naming: options.naming, cells: options.cells)
    let bytes = options.ending == "safetensors" ? try state.safeTensorsBytes() : try state.torchBytes()
    var copy = model
    // Weights of its own kind, which only what was written can replace.
    copy.forEachTensor { _, tensor in tensor = .zeros(tensor.shape) }
    let notes = try copy.load(StateDictionary(bytes: bytes), naming: options.naming)
    return WrittenModel(
      bytes: bytes, readBack: copy,
      notes: notes + ["a state dictionary holds weights alone; the layers must be built in PyTorch"])
  }
}
