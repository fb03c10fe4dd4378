/// Every recurrent cell. The command line, the benchmarks, saved files and the tests that each cell must pass go by
/// this list; a new cell is added here and nowhere else.
public enum Cells {
  /// The cells, in the order in which they are listed to users.
  public static let all: [any RecurrentCell.Type] = [
    LSTMCell.self,
    GRUCell.self,
    GRUResetBeforeCell.self,
    TanhRNNCell.self,
    ReLURNNCell.self,
    PeepholeLSTMCell.self,
    FullPeepholeLSTMCell.self,
    NoInputGateLSTMCell.self,
    NoForgetGateLSTMCell.self,
    NoOutputGateLSTMCell.self,
    NoInputActivationLSTMCell.self,
    NoOutputActivationLSTMCell.self,
    CoupledGatesLSTMCell.self,
    FullGateRecurrenceLSTMCell.self,
    ProjectedLSTMCell.self,
    LayerNormLSTMCell.self,
    LayerNormGRUCell.self,
    MinimalGatedCell.self,
    FastGRNNCell.self,
    MultiplicativeLSTMCell.self,
    IndRNNCell.self,
    SRUCell.self,
    QRNNCell.self,
    MinLSTMCell.self,
    MinGRUCell.self,
    DepthGatedLSTMCell.self,
    SLSTMCell.self,
    MatrixLSTMCell.self,
    TimeAwareLSTMCell.self,
    PhasedLSTMCell.self,
    GRUDCell.self,
    AttentionGRUCell.self,
    GeneralLSTMCell.self,
    GeneralGRUCell.self,
    GeneralRNNCell.self,
  ]

  /// The cell of the given name, or nil.
  public static func named(_ name: String) -> (any RecurrentCell.Type)? { all.first { $0.name == name } }
}
