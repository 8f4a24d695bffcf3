"""What others have written into the two ConfigMaps, in all the ways that people write."""

JOBS = (
    "",
    "\n",
    "# nothing yet",
    "scrape_configs:",
    "scrape_configs:\n",
    "scrape_configs:   # none yet\nglobal: {}\n",
    "scrape_configs: []",
    "scrape_configs: [ ] # none yet\nglobal:\n  scrape_interval: 1m\n",
    "scrape_configs: [\n]\n",
    "scrape_configs: [{job_name: a}, {job_name: 'b, c'}]\n",
    "global:\n  scrape_interval: 1m",
    "global:\n  scrape_interval: 1m\n\n",
    "---\n# ours\nglobal: {}\n",
    "  global: {}\n  scrape_configs:\n  - job_name: production\n",
    "scrape_configs:\n- job_name: production\n",
    "scrape_configs:\n- job_name: production\n# the end, without a line break",
    "scrape_configs:\n    # above\n    - job_name: production  # beside\n\n\n    # below\nglobal: {}\n",
    "scrape_configs:\n-\n    job_name: production\n-   {job_name: other}\n",
    "scrape_configs:\r\n  - job_name: production\r\n    static_configs: []\r\nglobal: {}\r\n",
    "scrape_configs:\n- &one\n  job_name: production\n  honor_labels: on\n- <<: *one\n  job_name: other\n",
    "global:\n  text: |\n    # coppice: begin {}\n    a:\nscrape_configs:\n- job_name: 'it''s'\n",
    'scrape_configs:\n- job_name: production\n  params: {match: [\'{job="x"}\', "\\u00fc", ünï, 😀]}\n',
)

UNTOUCHABLE = (
    "scrape_configs: [",
    "scrape_configs:\n- job_name: a\n  b",
    "a: *nobody\n",
    "- a list\n",
    "scrape_configs: text\n",
    "scrape_configs: {job_name: a}\n",
    "scrape_configs:\n- text\n",
    "scrape_configs: null\n",
    "scrape_configs: &all\n- job_name: a\n",
    "x: &all\n- job_name: a\nscrape_configs: *all\n",
    "scrape_configs: []\nscrape_configs: []\n",
    "{global: {}}\n",
    "a: 1\n---\nb: 2\n",
    "a: !ours 1\n",
    "\ufeffglobal: {}\n",
    "global: {}\rscrape_configs:\r- job_name: a\r",
)

SETTINGS = (
    'podannotationnamespaceregex = ""',
    'podannotationnamespaceregex = ""\n',
    'podannotationnamespaceregex = ".*"\n',
    'podannotationnamespaceregex="kube-system|project"',
    "  podannotationnamespaceregex = '^project$|(?i)staging'  \r\nother = 1\r\n",
    '# podannotationnamespaceregex = "no"\n\tpodannotationnamespaceregex = "feature-b0|feature-b1"\n',
    'podannotationnamespaceregex = "|project\\\\.*"\n',
)

CLUSTER_METRICS = (
    "default-targets-scrape-enabled: |-\n  kubelet = true\npod-annotation-based-scraping: |-\n"
    '  podannotationnamespaceregex = "project"\nminimal-ingestion-profile: |-\n  enabled = true'
)
