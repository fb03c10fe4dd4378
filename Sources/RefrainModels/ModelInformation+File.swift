import Refrain
import RefrainData
import RefrainFormats
import RefrainTasks

extension ModelInformation {
  /// Reads a file.
  ///
  /// - Throws: `wrongFormat` for a file of another kind, or what reading its format throws. A graph of ONNX need not be
  ///   one that can run.
  public init(contentsOf path: String) throws(DataError) {
    let bytes = try readModelFile(path)
    do throws(DataError) {
      let file = try ForeignFile(bytes: bytes, path: path)
      let format = try ModelFormat(of: file)
      self.init(format: format.title)
      switch format {
      case .refrain: try describe(SafeTensorsFile(bytes: bytes, file: path), path: path)
      case .foreign(let format): try format.describe(file, in: &self)
      }
    } catch {
      throw error.inFile(path)
    }
  }

  /// Adds what is in a model that Refrain saved.
  private mutating func describe(_ file: SafeTensorsFile, path: String) throws(DataError) {
    addMetadata(file.metadata)
    let model = try LoadedModel(contentsOf: path).model
    if case .sequential(let layers) = model { addLayers(of: layers) }
    if case .task(let task) = model {
      addFact("Task", task.taskName)
      for fact in task.facts { addFact(fact.name, fact.value) }
      if let network = task.network { addPorts(network) }
    }
    addTensors(file.tensors.map { ($0.name, $0.array) })
  }
}
